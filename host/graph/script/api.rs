//! Functions for scripts, registered together with what people are told of them.

use rhai::{Dynamic, Engine, NativeCallContext, RhaiNativeFunc, Variant};

/// A function or property as the reference shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `relu(value: Value) -> Value`, or `shape: array` of a property.
    pub signature: String,
    /// What it does.
    pub doc: &'static str,
}

impl Entry {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.signature.split(['(', ':']).next().unwrap_or_default()
    }
}

/// An engine that is given functions, with a list of them.
pub(super) struct Interface<'e> {
    engine: &'e mut Engine,
    entries: Vec<Entry>,
}

impl<'e> Interface<'e> {
    pub(super) fn new(engine: &'e mut Engine) -> Self {
        Self { engine, entries: Vec::new() }
    }

    pub(super) fn entries(self) -> Vec<Entry> {
        self.entries
    }

    /// A type by the name that scripts know it by.
    pub(super) fn type_name<T: Variant + Clone>(&mut self, name: &str) {
        self.engine.register_type_with_name::<T>(name);
    }

    /// A function: `name(argument: type, …) -> type`.
    pub(super) fn function<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        signature: impl Into<String>,
        doc: &'static str,
        function: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        let entry = Entry { signature: signature.into(), doc };
        self.engine.register_fn(entry.name(), function);
        self.entries.push(entry);
    }

    /// A property: `name: type`.
    pub(super) fn property<T: Variant + Clone>(
        &mut self,
        signature: impl Into<String>,
        doc: &'static str,
        get: impl Fn(&mut T) -> Dynamic + Send + Sync + 'static,
    ) {
        let entry = Entry { signature: signature.into(), doc };
        self.engine.register_get(entry.name(), move |_: NativeCallContext, of: &mut T| get(of));
        self.entries.push(entry);
    }

    /// What needs no entry.
    pub(super) fn engine(&mut self) -> &mut Engine {
        self.engine
    }
}
