//! ATen operators through libtorch's dispatcher.

use super::guard::{Message, NativeMessage};
use edas_plugin::abi;
use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;
use tch::Tensor;

#[repr(C)]
struct NativeOperator {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn edas_native_operator(
        name: abi::Text,
        overload: abi::Text,
        input_count: usize,
        attributes: *const abi::Attribute,
        attribute_count: usize,
        output_count: usize,
        message: *const NativeMessage,
    ) -> *mut NativeOperator;
    fn edas_native_operator_free(operator: *mut NativeOperator);
    fn edas_native_operator_call(
        operator: *const NativeOperator,
        inputs: *const *const c_void,
        outputs: *const *mut c_void,
        message: *const NativeMessage,
    ) -> i32;
    fn edas_native_operator_describe(
        operator: *const NativeOperator,
        description: *const NativeMessage,
        message: *const NativeMessage,
    ) -> i32;
}

/// How an operator is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its namespace: `aten`.
    pub namespace: String,
    /// Its name in there.
    pub name: String,
    /// Its overload, which may be empty.
    pub overload: String,
    /// The arguments that take inputs, in the schema's order, which is that of the inputs.
    pub inputs: Vec<InputArgument>,
    /// The arguments that are lists of whole numbers, as long as one likes: they take no number for a list.
    pub lists: Vec<String>,
}

/// An argument of an operator that takes inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputArgument {
    /// Its position in the schema.
    pub position: usize,
    /// Its name.
    pub name: String,
    /// How many inputs it takes.
    pub count: usize,
    /// Whether it takes them as a list.
    pub list: bool,
}

/// An operator with all arguments but its tensors.
pub struct Operator {
    native: NonNull<NativeOperator>,
    outputs: usize,
}

// SAFETY: the operator is made once and only read afterwards; libtorch's dispatcher may be used from any thread.
unsafe impl Send for Operator {}
// SAFETY: as above.
unsafe impl Sync for Operator {}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operator")
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `edas_native_operator` and is freed once.
        unsafe { edas_native_operator_free(self.native.as_ptr()) }
    }
}

impl Operator {
    /// Finds an operator by its schema name and fills in its arguments.
    ///
    /// # Errors
    /// Where something does not fit; the text says what.
    pub fn find(
        name: &str,
        overload: &str,
        inputs: usize,
        arguments: &[abi::Attribute],
        outputs: usize,
    ) -> Result<Self, String> {
        let mut text = Message::default();
        let message = NativeMessage::new(&mut text);
        // SAFETY: texts, attributes and message live until the call returns.
        let native = unsafe {
            edas_native_operator(
                abi::Text::new(name),
                abi::Text::new(overload),
                inputs,
                arguments.as_ptr(),
                arguments.len(),
                outputs,
                &message,
            )
        };
        match NonNull::new(native) {
            Some(native) => Ok(Self { native, outputs }),
            None => Err(text.text("libtorch does not say why")),
        }
    }

    /// Calls it.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn call(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>, String> {
        let mut outputs: Vec<Tensor> = (0..self.outputs).map(|_| Tensor::new()).collect();
        let inputs = pointers(inputs);
        let targets = targets(&mut outputs);
        let mut text = Message::default();
        let message = NativeMessage::new(&mut text);
        // SAFETY: the operator takes as many inputs as it was found for, which the graph's builder checked; tensors and message
        // live until the call returns.
        let status =
            unsafe { edas_native_operator_call(self.native.as_ptr(), inputs.as_ptr(), targets.as_ptr(), &message) };
        if status == 0 { Ok(outputs) } else { Err(text.text("libtorch does not say why")) }
    }

    /// How it is called.
    ///
    /// # Errors
    /// Where libtorch does not say.
    pub fn signature(&self) -> Result<Signature, String> {
        let (mut text, mut failure) = (Message::default(), Message::default());
        let (description, message) = (NativeMessage::new(&mut text), NativeMessage::new(&mut failure));
        // SAFETY: the operator is there as long as `self`, both texts until the call returns.
        let status = unsafe { edas_native_operator_describe(self.native.as_ptr(), &description, &message) };
        if status != 0 {
            return Err(failure.text("libtorch does not say why"));
        }
        let text = text.text("");
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (namespace, name, overload) = (next(), next(), next());
        let mut signature = Signature { namespace, name, overload, inputs: Vec::new(), lists: Vec::new() };
        for line in lines {
            let fields: Vec<&str> = line.split(' ').collect();
            match fields[..] {
                [_, _, "numbers", name] => signature.lists.push(name.to_owned()),
                [position, count, how, name] => signature.inputs.push(InputArgument {
                    position: position.parse().map_err(|_| format!("`{line}` is no argument"))?,
                    name: name.to_owned(),
                    count: count.parse().map_err(|_| format!("`{line}` is no argument"))?,
                    list: how == "list",
                }),
                _ => return Err(format!("`{line}` is no argument")),
            }
        }
        Ok(signature)
    }
}

/// Tensors as C++ reads them.
pub fn pointers(tensors: &[&Tensor]) -> Vec<*const c_void> {
    tensors.iter().map(|t| t.as_ptr().cast()).collect()
}

/// Tensors as C++ assigns them.
pub fn targets(tensors: &mut [Tensor]) -> Vec<*mut c_void> {
    tensors.iter_mut().map(|t| t.as_mut_ptr().cast()).collect()
}
