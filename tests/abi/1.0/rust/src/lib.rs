//! A plugin of the first published revision: an operation with a parameter and a kernel, a space, a policy that remembers.

use edas_plugin::{
    Arguments, Call, Graph, Initialiser, Kernel, KernelInfo, Models, Number, Op, Operation, Parameter, Plugin, Policy,
    PolicyEntry, Space, SpaceView, StepResult, Steps, Turn, Value, Words,
};
use std::sync::Arc;

/// The plugin.
pub struct Frozen;

const FACTOR: Parameter = Parameter::number("factor", "by how much more", 2.0, 0.5, 8.0);
const ORDER: Parameter = Parameter::word("order", "which edge first", &Words::new(["first", "last"]));

impl Plugin for Frozen {
    const NAME: &'static str = "frozen";
    const VERSION: &'static str = "1.0.0";
    const DESCRIPTION: &'static str = "Built with the SDK of ABI 1.0";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("scaled", "every channel times a weight and a factor", scaled).with_parameters(&[FACTOR]),
        Operation::candidate("convolved", "ReLU, depthwise, pointwise, batch norm", convolved),
    ];
    const SPACES: &'static [Space] = &[Space::fixed("frozen", "one cell type", include_str!("space.yaml"))];
    const POLICIES: &'static [PolicyEntry] =
        &[PolicyEntry::of::<InTurn>("in-turn", "every edge in turn").with_parameters(&[ORDER])];
}

fn convolved(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let y = g.relu(x[0]);
    let y = g.depthwise(y, 3, op.stride, 1);
    let y = g.pointwise(y, op.channels_out);
    vec![g.batch_norm(y)]
}

fn scaled(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    if op.stride != 1 || op.channels_in != op.channels_out {
        return g.refuse("it keeps size and channels");
    }
    let shape = g.shape(x[0]);
    let weight = g.parameter("weight", &[op.channels_in, 1, 1], Initialiser::Constant(1.0));
    g.kernel(&[x[0], weight], Scale { shape, factor: op.number("factor") })
}

struct Scale {
    shape: Vec<i64>,
    factor: f64,
}

impl Scale {
    /// The channel of every number of a map, in its order in memory.
    fn channels(sizes: &[i64], strides: &[i64]) -> impl Fn(usize) -> usize {
        let (channels, stride) = (sizes[1] as usize, strides[1].max(1) as usize);
        move |i| i / stride % channels
    }

    fn ahead<T: Number + From<f32> + std::ops::Mul<Output = T>>(&self, call: &mut Call) {
        let (x, weight, y) = (call.input::<T>(0), call.input::<T>(1), call.output::<T>(0));
        let channel = Self::channels(x.sizes, x.strides);
        for (i, (y, x)) in y.data.iter_mut().zip(x.data).enumerate() {
            *y = *x * weight.data[channel(i)] * T::from(self.factor as f32);
        }
    }

    fn back<T: Number + From<f32> + std::ops::Mul<Output = T> + std::ops::AddAssign>(&self, call: &mut Call) {
        let (x, weight, dy) = (call.input::<T>(0), call.input::<T>(1), call.output_gradient::<T>(0));
        let channel = Self::channels(x.sizes, x.strides);
        let factor = T::from(self.factor as f32);
        if let Some(dx) = call.input_gradient::<T>(0) {
            for (i, (dx, dy)) in dx.data.iter_mut().zip(dy.data).enumerate() {
                *dx = *dy * weight.data[channel(i)] * factor;
            }
        }
        if let Some(dweight) = call.input_gradient::<T>(1) {
            dweight.data.fill(T::default());
            for (i, (x, dy)) in x.data.iter().zip(dy.data).enumerate() {
                dweight.data[channel(i)] += *x * *dy * factor;
            }
        }
    }
}

impl Kernel for Scale {
    fn info(&self) -> KernelInfo {
        KernelInfo::new("scale", &self.shape)
    }

    fn forward(&self, call: &mut Call) -> Result<(), String> {
        if call.is::<f64>() { self.ahead::<f64>(call) } else { self.ahead::<f32>(call) }
        Ok(())
    }

    fn backward(&self, call: &mut Call) -> Result<(), String> {
        if call.is::<f64>() { self.back::<f64>(call) } else { self.back::<f32>(call) }
        Ok(())
    }

    fn reference(&self, inputs: &[Value], g: &mut Graph) -> Vec<Value> {
        let y = g.mul(inputs[0], inputs[1]);
        vec![g.scale(y, self.factor)]
    }
}

/// Relaxes the edges in turn; remembers how often it heard results.
struct InTurn {
    last_first: bool,
    heard: u64,
}

impl Policy for InTurn {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self { last_first: arguments.word("order") == "last", heard: 0 })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let count = turn.space.edges.len();
        let edge = self.heard as usize % count;
        Ok(turn.strongest().relax(if self.last_first { count - 1 - edge } else { edge }).into())
    }

    fn feedback(&mut self, _: &mut Turn, _: &[StepResult]) -> Result<(), String> {
        self.heard += 1;
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        self.heard.to_le_bytes().to_vec()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.heard = u64::from_le_bytes(state.try_into().map_err(|_| "the state is not 8 bytes")?);
        Ok(())
    }
}

edas_plugin::export!(Frozen);
