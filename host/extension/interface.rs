//! What scripts can use, each with its signature and meaning where it is registered: definition files for editors, the reference
//! and suggestions for misspelt names are all made from this.

use rhai::{Engine, FuncRegistration, RhaiNativeFunc, Variant};

/// Something that scripts can use.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it belongs to: a heading of the reference.
    pub subject: &'static str,
    /// `name(parameter: Type, …) -> Type`, or `owner.name: Type` for a property.
    pub signature: &'static str,
    /// What it means.
    pub doc: &'static str,
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self.signature.split_once('(') {
            Some((name, _)) => name,
            None => property(self.signature).1,
        }
    }
}

/// Registers what scripts can use, and keeps what is said of it.
pub struct Interface<'a> {
    engine: &'a mut Engine,
    subject: &'static str,
    entries: Vec<Entry>,
}

impl<'a> Interface<'a> {
    /// Registers into an engine.
    pub fn new(engine: &'a mut Engine) -> Self {
        Self { engine, subject: "", entries: Vec::new() }
    }

    /// What follows belongs to this subject.
    pub fn subject(&mut self, subject: &'static str) -> &mut Self {
        self.subject = subject;
        self
    }

    /// A type, by the name that scripts know it by.
    pub fn named<T: Variant + Clone>(&mut self, name: &'static str) -> &mut Self {
        self.engine.register_type_with_name::<T>(name);
        self
    }

    /// A function: `name(parameter: Type, …) -> Type`. With a doc that is empty it is a form of the one before it.
    pub fn function<A: 'static, const N: usize, const X: bool, R, const F: bool>(
        &mut self,
        signature: &'static str,
        doc: &'static str,
        function: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    ) -> &mut Self
    where
        R: Variant + Clone,
    {
        let (name, rest) = signature.split_once('(').unwrap_or((signature, ""));
        let (parameters, returned) = rest.rsplit_once(')').unwrap_or((rest, ""));
        let meaning = if doc.is_empty() { self.meaning() } else { doc };
        self.add(name, parameters.split(", ").filter(|p| !p.is_empty()), returned, meaning, function);
        self.entries.push(Entry { subject: self.subject, signature, doc });
        self
    }

    /// A property: `owner.name: Type`, where `owner` is the type's name in small letters.
    pub fn property<A: 'static, const N: usize, const X: bool, R, const F: bool>(
        &mut self,
        signature: &'static str,
        doc: &'static str,
        get: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    ) -> &mut Self
    where
        R: Variant + Clone,
    {
        let (owner, name, returned) = property(signature);
        let parameter = format!("{owner}: {}{}", owner[..1].to_uppercase(), &owner[1..]);
        self.add(&format!("get${name}"), [parameter.as_str()].into_iter(), returned, doc, get);
        self.entries.push(Entry { subject: self.subject, signature, doc });
        self
    }

    /// The last meaning that was given.
    fn meaning(&self) -> &'static str {
        self.entries.iter().rev().map(|entry| entry.doc).find(|doc| !doc.is_empty()).unwrap_or_default()
    }

    /// An operator, or something else that needs no word.
    pub fn engine(&mut self) -> &mut Engine {
        self.engine
    }

    /// What was registered, in its order.
    pub fn entries(self) -> Vec<Entry> {
        self.entries
    }

    fn add<'p, A: 'static, const N: usize, const X: bool, R, const F: bool>(
        &mut self,
        name: &str,
        parameters: impl Iterator<Item = &'p str>,
        returned: &'p str,
        doc: &str,
        function: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    ) where
        R: Variant + Clone,
    {
        let returned = returned.trim_start_matches(" -> ").trim();
        let info = parameters.chain([returned]).map(str::to_owned);
        let comments = doc.lines().map(|line| format!("/// {line}"));
        FuncRegistration::new(name)
            .with_params_info(info)
            .with_comments(comments)
            .register_into_engine(self.engine, function);
    }
}

/// Owner, name and type of a property's signature.
fn property(signature: &'static str) -> (&'static str, &'static str, &'static str) {
    let (path, returned) = signature.split_once(": ").unwrap_or((signature, ""));
    let (owner, name) = path.split_once('.').unwrap_or(("", path));
    (owner, name, returned)
}
