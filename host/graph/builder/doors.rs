//! The builder's doors beyond layers: kernels and native layers.

use super::{Build, check_outputs, give};
use crate::error::{Error, Result};
use crate::extension::call;
use crate::extension::memory::{slice, text};
use crate::graph::kernel::{self, Kernel, KernelParts, Native, UserData};
use crate::graph::layer::Layer;
use crate::graph::{LayerGraph, ValueId, shape_text};
use crate::native::LIBTORCH;
use edas_plugin::abi;
use std::ffi::c_void;
use std::sync::Arc;

/// The most kernels, one within the reference graph of the other.
const MOST_DEPTH: u32 = 8;
/// The most inputs of a kernel: a mask tells them apart.
const MOST_INPUTS: usize = 64;
/// The most bytes to work in, and as many again for each example.
const MOST_SCRATCH: usize = 1 << 31;
/// The most multiply-adds that one layer may say it has.
const MOST_MULTIPLY_ADDS: i64 = 1 << 50;
/// The dtypes of what a kernel may save.
const SAVED: u32 = abi::DTYPE_FLOAT32 | abi::DTYPE_FLOAT64 | abi::DTYPE_INT64 | abi::DTYPE_UINT8;

fn mask(kernel: &str, what: &str, found: u32, known: u32) -> Result<()> {
    if found != 0 && found & !known == 0 {
        return Ok(());
    }
    Err(Error::new(format!("kernel `{kernel}` says nothing possible of its {what}"))
        .expected(format!("some of the bits of {known}"))
        .found(found.to_string()))
}

impl Build {
    /// # Safety
    /// The table and what it points to live until this returns.
    unsafe fn kernel(&mut self, table: &abi::Kernel, inputs: Vec<ValueId>, user: UserData) -> Result<Vec<ValueId>> {
        kernel::check_size("kernel", table.size, size_of::<abi::Kernel>())?;
        // SAFETY: the caller vouches for texts and lists.
        let (name, outputs, saved) = unsafe {
            (
                text(table.name)?.to_owned(),
                kernel::described(table.outputs, table.output_count)?,
                kernel::described(table.saved, table.saved_count)?,
            )
        };
        if table.forward.is_none() {
            return Err(Error::new(format!("kernel `{name}` has no forward")).expected("a function").found("null"));
        }
        if inputs.is_empty() || inputs.len() > MOST_INPUTS || outputs.is_empty() {
            return Err(Error::new(format!("kernel `{name}` has an impossible number of inputs or outputs"))
                .expected(format!("1 to {MOST_INPUTS} inputs, at least 1 output"))
                .found(format!("{} inputs, {} outputs", inputs.len(), outputs.len())));
        }
        for tensor in &saved {
            super::check_elements(&tensor.shape, &format!("what kernel `{name}` saves"))?;
            mask(&name, "saved dtypes", tensor.dtype | abi::DTYPE_UINT8, SAVED)?;
        }
        if let Some(output) = outputs.iter().find(|output| output.dtype != 0) {
            return Err(Error::new(format!("kernel `{name}` cannot return another dtype than it takes"))
                .expected("0, the dtype of the call")
                .found(output.dtype.to_string()));
        }
        let work = table.scratch <= MOST_SCRATCH && table.scratch_per_example <= MOST_SCRATCH;
        if !work || !(0..=MOST_MULTIPLY_ADDS).contains(&table.multiply_adds) {
            return Err(Error::new(format!(
                "kernel `{name}` says something impossible of its scratch or multiply-adds"
            ))
            .expected(format!("at most {MOST_SCRATCH} bytes; 0 to {MOST_MULTIPLY_ADDS}"))
            .found(format!("{}, {}; {}", table.scratch, table.scratch_per_example, table.multiply_adds)));
        }
        mask(&name, "dtypes", table.dtypes, abi::DTYPE_FLOAT32 | abi::DTYPE_FLOAT64)?;
        mask(&name, "layouts", table.layouts, abi::LAYOUT_CONTIGUOUS | abi::LAYOUT_CHANNELS_LAST)?;
        mask(&name, "devices", table.devices, abi::DEVICE_CPU | abi::DEVICE_CUDA)?;
        // SAFETY: as above.
        let reference = unsafe { self.reference(table, &name, &inputs, outputs.len())? };
        if let Some(reference) = &reference {
            let found: Vec<_> =
                reference.outputs.iter().map(|v| (&reference.shapes[*v], reference.batched[*v])).collect();
            let expected: Vec<_> = outputs.iter().map(|t| (&t.shape, t.batched)).collect();
            if found != expected {
                let list = |tensors: &[(&Vec<i64>, bool)]| {
                    let text = |(shape, batched): &(&Vec<i64>, bool)| {
                        format!("{}{}", shape_text(shape), if *batched { "" } else { " without a batch" })
                    };
                    tensors.iter().map(text).collect::<Vec<_>>().join(", ")
                };
                return Err(Error::new(format!(
                    "the reference graph of kernel `{name}` returns other shapes than the kernel"
                ))
                .expected(list(&expected))
                .found(list(&found)));
            }
            if !reference.tensors.is_empty() {
                return Err(Error::new(format!(
                    "the reference graph of kernel `{name}` has weights or buffers of its own"
                ))
                .help("pass them to the kernel as inputs"));
            }
        }
        let shapes = outputs.iter().map(|t| (t.shape.clone(), t.batched)).collect();
        let parts = KernelParts { name, owner: self.owner.clone(), outputs, saved, reference, user };
        // SAFETY: the table is the plugin's.
        let kernel = unsafe { Kernel::new(table, parts) };
        self.push(Layer::Kernel(Arc::new(kernel)), inputs, shapes, Vec::new())
    }

    /// # Safety
    /// As [`Build::kernel`].
    unsafe fn reference(
        &self,
        table: &abi::Kernel,
        name: &str,
        inputs: &[ValueId],
        output_count: usize,
    ) -> Result<Option<LayerGraph>> {
        let Some(function) = table.reference else { return Ok(None) };
        let signature = self.signature(inputs).into_iter().map(|(shape, batched)| (shape.to_vec(), batched)).collect();
        if self.depth >= MOST_DEPTH {
            return Err(Error::new(format!(
                "the reference graph of kernel `{name}` has kernels within kernels without end"
            ))
            .expected(format!("at most {MOST_DEPTH}, one within the other")));
        }
        let mut build = Build { depth: self.depth + 1, ..Build::with_inputs(signature, &self.owner) };
        let values = build.inputs();
        let mut outputs = vec![0; output_count];
        let builder = build.table();
        let result = call::call(&format!("building the reference graph of kernel `{name}`"), |error| {
            // SAFETY: every pointer is valid for the time of the call, with the lengths given.
            unsafe {
                function(
                    table.user_data,
                    &*builder,
                    values.as_ptr(),
                    values.len(),
                    outputs.as_mut_ptr(),
                    outputs.len(),
                    error,
                )
            }
        });
        drop(builder);
        build.close(result, &outputs).map(Some)
    }

    /// # Safety
    /// The table and what it points to live until this returns.
    unsafe fn native(&mut self, table: &abi::Native, inputs: Vec<ValueId>, user: UserData) -> Result<Vec<ValueId>> {
        kernel::check_size("native layer", table.size, size_of::<abi::Native>())?;
        // SAFETY: the caller vouches for texts and lists.
        let (name, libtorch, outputs) = unsafe {
            (text(table.name)?.to_owned(), text(table.libtorch)?, kernel::shapes(table.outputs, table.output_count)?)
        };
        // `TORCH_VERSION` may end in the build: 2.13.0+cpu.
        if libtorch.split('+').next() != Some(LIBTORCH) {
            return Err(Error::new(format!("native layer `{name}` was built for another libtorch"))
                .expected(format!("version {LIBTORCH}, which this host runs on"))
                .found(format!("version {libtorch}"))
                .help("build the plugin against this host's libtorch: `edas doctor` says where it lies"));
        }
        let Some(forward) = table.forward else {
            return Err(Error::new(format!("native layer `{name}` has no forward"))
                .expected("a function")
                .found("null"));
        };
        if outputs.is_empty() {
            return Err(Error::new(format!("native layer `{name}` has no output")));
        }
        if !(0..=MOST_MULTIPLY_ADDS).contains(&table.multiply_adds) {
            return Err(Error::new(format!("native layer `{name}` says something impossible of its multiply-adds"))
                .expected(format!("0 to {MOST_MULTIPLY_ADDS}"))
                .found(table.multiply_adds.to_string()));
        }
        let names = (name, self.owner.clone());
        // SAFETY: the function is the plugin's.
        let native = unsafe { Native::new(names, table.multiply_adds, outputs.clone(), forward, user) };
        let shapes = outputs.into_iter().map(|shape| (shape, true)).collect();
        self.push(Layer::Native(Arc::new(native)), inputs, shapes, Vec::new())
    }
}

/// What both doors do around what is their own: `add` is called unless an error was kept before.
///
/// # Safety
/// Inputs and outputs have the lengths given.
unsafe fn door(
    context: *mut c_void,
    (inputs, input_count): (*const u64, usize),
    (outputs, output_count): (*mut u64, usize),
    (what, declared): (&str, usize),
    add: impl FnOnce(&mut Build, Vec<ValueId>) -> Result<Vec<ValueId>>,
) -> abi::Status {
    // SAFETY: nothing else of this thread uses the graph during the call.
    let Some(build) = (unsafe { super::live(context) }) else { return abi::FAILED };
    let values = build.run(|build| {
        // SAFETY: the caller vouches for the length.
        let inputs = unsafe { slice(inputs, input_count)? };
        let inputs = inputs.iter().map(|v| build.import(*v)).collect::<Result<_>>()?;
        check_outputs(what, outputs, output_count, declared)?;
        Ok(add(build, inputs)?.into_iter().map(|v| build.export(v)).collect())
    });
    // SAFETY: the caller vouches for the room, whose size was checked.
    unsafe { give(values, outputs, output_count) }
}

pub(super) unsafe extern "C-unwind" fn kernel(
    context: *mut c_void,
    inputs: *const u64,
    input_count: usize,
    kernel: *const abi::Kernel,
    outputs: *mut u64,
    output_count: usize,
) -> abi::Status {
    // SAFETY: the plugin passes a valid table, or null.
    let Some(table) = (unsafe { kernel.as_ref() }) else { return abi::FAILED };
    // From here on the user data is ours to free, whatever happens.
    let user = UserData::new(table.user_data, table.destroy);
    let what = ("kernel", table.output_count);
    // SAFETY: the plugin passes on its context, lists of the lengths it says, and a table that lives until the call returns.
    unsafe {
        door(context, (inputs, input_count), (outputs, output_count), what, |build, inputs| {
            build.kernel(table, inputs, user)
        })
    }
}

pub(super) unsafe extern "C-unwind" fn native(
    context: *mut c_void,
    inputs: *const u64,
    input_count: usize,
    native: *const abi::Native,
    outputs: *mut u64,
    output_count: usize,
) -> abi::Status {
    // SAFETY: the plugin passes a valid table, or null.
    let Some(table) = (unsafe { native.as_ref() }) else { return abi::FAILED };
    let user = UserData::new(table.user_data, table.destroy);
    let what = ("native", table.output_count);
    // SAFETY: as for kernels.
    unsafe {
        door(context, (inputs, input_count), (outputs, output_count), what, |build, inputs| {
            build.native(table, inputs, user)
        })
    }
}
