//! Operations and policies that go wrong, each in its own way: a host must say which, and live on.

use edas_plugin::{
    Arguments, Attributes, Call, Graph, Initialiser, Kernel, KernelInfo, Models, Number, Op, Operation, Plugin, Policy,
    PolicyEntry, SpaceView, Steps, Turn, Value,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The plugin.
pub struct Faults;

impl Plugin for Faults {
    const NAME: &'static str = "faults";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Operations that go wrong";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("sound", "its input, by a kernel", |_, x, g| copy(Fault::None, x, g)),
        Operation::candidate("build_panics", "panics while it is built", |_, _, _| panic!("no idea how to build this")),
        Operation::candidate("build_refuses", "refuses every place", |_, _, g| g.refuse("not here")),
        Operation::candidate("undeclared", "asks for a parameter that it does not declare", |op, x, _| {
            let _ = op.integer("kernel");
            x.to_vec()
        }),
        Operation::candidate("wrong_shape", "halves its input, whatever the stride", |_, x, g| {
            vec![g.max_pool(x[0], 3, 2)]
        }),
        Operation::candidate("too_few", "returns nothing", |_, _, _| Vec::new()),
        Operation::candidate("foreign", "returns a value of another graph", foreign),
        Operation::candidate("unknown_layer", "asks for a layer that there is not", |_, x, g| {
            g.layer::<1>("rleu", x, &Attributes::new()).to_vec()
        }),
        Operation::candidate("unknown_operator", "asks for an operator that there is not", |_, x, g| {
            vec![g.aten("softplsu", "", x, Attributes::new())]
        }),
        Operation::candidate("wrong_argument", "gives an operator an argument of another type", |_, x, g| {
            vec![g.aten("softplus", "", x, Attributes::new().text("beta", "two"))]
        }),
        Operation::candidate("unknown_argument", "gives an operator an argument that it has not", |_, x, g| {
            vec![g.aten("softplus", "", x, Attributes::new().number("betta", 2.0))]
        }),
        Operation::candidate("in_place", "asks for an operator that writes to its input", |_, x, g| {
            vec![g.aten("relu_", "", x, Attributes::new())]
        }),
        Operation::candidate("random", "asks for an operator that draws random numbers", |_, x, g| {
            vec![g.aten("bernoulli", "", x, Attributes::new())]
        }),
        Operation::candidate("mixes_batch", "sums over the examples", |_, x, g| {
            vec![g.aten("sum", "dim_IntList", x, Attributes::new().integers("dim", &[0]))]
        }),
        Operation::candidate("some_examples", "returns the last five examples, whatever the batch", |_, x, g| {
            let five = Attributes::new().integer("dim", 0).integer("start", -5).integer("end", 1 << 40);
            vec![g.aten("slice", "Tensor", x, five)]
        }),
        Operation::candidate("other_dtype", "asks for numbers of eight bits", |_, x, g| {
            vec![g.aten("to", "dtype", x, Attributes::new().integer("dtype", 23))]
        }),
        Operation::candidate("memory", "asks for what happens to lie in memory", |_, x, g| {
            vec![g.aten("empty_like", "", x, Attributes::new())]
        }),
        Operation::candidate("enormous", "a convolution with more weights than any memory holds", |op, x, g| {
            let k = [100_001; 2];
            vec![g.conv(x[0], op.channels_out, k, [1; 2], [50_000; 2], [1; 2], 1, false)]
        }),
        Operation::candidate("recurses", "a kernel within its own reference graph", |_, x, g| {
            let shape = g.shape(x[0]);
            g.kernel(x, Endless { shape })
        }),
        Operation::candidate("masked", "a convolution whose weight is another times a mask: sound", masked),
        Operation::candidate("huge", "a dilation that no memory holds", |_, x, g| {
            vec![g.layer::<1>("max_pool", x, &Attributes::new().integer("kernel", i64::MAX))[0]]
        }),
        Operation::candidate("forward_panics", "panics in its kernel's forward", |_, x, g| copy(Fault::Forward, x, g)),
        Operation::candidate("backward_panics", "panics in its kernel's backward", |_, x, g| {
            copy(Fault::Backward, x, g)
        }),
        Operation::candidate("writes_nan", "writes NaN", |_, x, g| copy(Fault::Nan, x, g)),
        Operation::candidate("gradient_nan", "writes NaN as a gradient", |_, x, g| copy(Fault::GradientNan, x, g)),
        Operation::candidate("beyond", "reads an input that it has not", |_, x, g| copy(Fault::Beyond, x, g)),
        Operation::candidate("no_reference", "has no reference graph and no 64 bits", |_, x, g| g.kernel(x, Narrow)),
        Operation::candidate("prints", "writes to stdout", prints),
    ];
    const POLICIES: &'static [PolicyEntry] = &[
        PolicyEntry::of::<Walk<SAVES>>("remembers", "every edge in turn; saves where it stands"),
        PolicyEntry::of::<Walk<FORGETS>>("forgets", "every edge in turn; saves nothing"),
        PolicyEntry::of::<Walk<SHARES>>(
            "shares",
            "every edge in turn, counted by all policies of the process together",
        ),
        PolicyEntry::of::<Walk<STRAYS>>("strays", "an edge that the space has not, now and then"),
    ];
}

const SAVES: u8 = 0;
const FORGETS: u8 = 1;
const SHARES: u8 = 2;
const STRAYS: u8 = 3;

/// Relaxes the edges in turn, with the fault that its number says.
struct Walk<const FAULT: u8> {
    next: usize,
}

impl<const FAULT: u8> Policy for Walk<FAULT> {
    fn new(_: &Arc<SpaceView>, _: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self { next: 0 })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        static ALL: AtomicUsize = AtomicUsize::new(0);
        let count = turn.space.edges.len();
        let edge = if FAULT == SHARES { ALL.fetch_add(1, Ordering::Relaxed) } else { self.next };
        self.next += 1;
        let limit = if FAULT == STRAYS { count + 1 } else { count };
        Ok(turn.strongest().relax(edge % limit).into())
    }

    fn save(&self) -> Vec<u8> {
        if FAULT == FORGETS { Vec::new() } else { self.next.to_le_bytes().to_vec() }
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        if FAULT != FORGETS {
            self.next = usize::from_le_bytes(state.try_into().map_err(|_| "the state is not 8 bytes")?);
        }
        Ok(())
    }
}

/// A weight that is computed: it has no batch, and serves as the weight of a convolution.
fn masked(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let shape = [op.channels_out, op.channels_in, 3, 3];
    let weight = g.parameter("weight", &shape, Initialiser::Normal(0.3));
    let mask = g.buffer("mask", &[1, 1, 3, 3], Initialiser::Uniform(1.0));
    let weight = g.mul(weight, mask);
    let how = Attributes::new().integer("stride", op.stride).integer("padding", 1);
    vec![g.aten("conv2d", "", &[x[0], weight], how)]
}

/// A kernel whose reference graph is itself.
struct Endless {
    shape: Vec<i64>,
}

impl Kernel for Endless {
    fn info(&self) -> KernelInfo {
        KernelInfo::new("endless", &self.shape)
    }

    fn forward(&self, _: &mut Call) -> Result<(), String> {
        Err("it does nothing".to_owned())
    }

    fn reference(&self, inputs: &[Value], g: &mut Graph) -> Vec<Value> {
        g.kernel(inputs, Endless { shape: self.shape.clone() })
    }
}

/// Keeps the first value that it gets, of a graph that is finished by the next call.
fn foreign(_: &Op, x: &[Value], _: &mut Graph) -> Vec<Value> {
    static FIRST: Mutex<Option<Value>> = Mutex::new(None);
    let mut first = FIRST.lock().expect("nobody panics here");
    match *first {
        Some(value) => vec![value],
        None => {
            *first = Some(x[0]);
            x.to_vec()
        }
    }
}

fn prints(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    println!("a plugin should not write to stdout");
    let bias = g.parameter("bias", &[op.channels_out, 1, 1], Initialiser::Constant(0.0));
    let y = copy(Fault::Print, x, g);
    vec![g.add(y[0], bias)]
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Forward,
    Backward,
    Nan,
    GradientNan,
    Beyond,
    Print,
}

/// Its input.
struct Copying {
    shape: Vec<i64>,
    fault: Fault,
}

fn copy(fault: Fault, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let shape = g.shape(x[0]);
    g.kernel(x, Copying { shape, fault })
}

impl Copying {
    fn ahead<T: Number + From<f32>>(&self, call: &mut Call) {
        let x = call.input::<T>(0);
        let y = call.output::<T>(0);
        y.data.copy_from_slice(x.data);
        match self.fault {
            Fault::Forward => panic!("lost the way forward"),
            Fault::Nan => y.data[0] = f32::NAN.into(),
            Fault::Beyond => {
                let _ = call.input::<T>(1);
            }
            Fault::Print => println!("nor from a kernel"),
            _ => {}
        }
    }

    fn back<T: Number + From<f32>>(&self, call: &mut Call) {
        assert!(self.fault != Fault::Backward, "lost the way back");
        let dy = call.output_gradient::<T>(0);
        if let Some(dx) = call.input_gradient::<T>(0) {
            dx.data.copy_from_slice(dy.data);
            if self.fault == Fault::GradientNan {
                dx.data[0] = f32::NAN.into();
            }
        }
    }
}

impl Kernel for Copying {
    fn info(&self) -> KernelInfo {
        KernelInfo { keeps_inputs: false, ..KernelInfo::new("copying", &self.shape) }
    }

    fn forward(&self, call: &mut Call) -> Result<(), String> {
        if call.is::<f64>() {
            self.ahead::<f64>(call)
        } else {
            self.ahead::<f32>(call)
        }
        Ok(())
    }

    fn backward(&self, call: &mut Call) -> Result<(), String> {
        if call.is::<f64>() {
            self.back::<f64>(call)
        } else {
            self.back::<f32>(call)
        }
        Ok(())
    }

    fn reference(&self, inputs: &[Value], _: &mut Graph) -> Vec<Value> {
        inputs.to_vec()
    }
}

/// Twice its input, in 32 bits, with nothing else to stand in for it.
struct Narrow;

impl Kernel for Narrow {
    const FLOAT64: bool = false;
    const REFERENCE: bool = false;

    fn info(&self) -> KernelInfo {
        KernelInfo::new("narrow", &[4, 8, 8])
    }

    fn forward(&self, call: &mut Call) -> Result<(), String> {
        let x = call.input::<f32>(0);
        let y = call.output::<f32>(0);
        y.data.iter_mut().zip(x.data).for_each(|(y, x)| *y = 2.0 * x);
        Ok(())
    }

    fn backward(&self, call: &mut Call) -> Result<(), String> {
        let dy = call.output_gradient::<f32>(0);
        if let Some(dx) = call.input_gradient::<f32>(0) {
            dx.data.iter_mut().zip(dy.data).for_each(|(dx, dy)| *dx = 2.0 * dy);
        }
        Ok(())
    }
}

edas_plugin::export!(Faults);
