//! What every operation must hold, over strides, channel counts, odd sizes, batch 1, both dtypes and both forms.

use super::probe::{Probe, distance, finite, same_bits};
use super::{Case, Check, Checks, kernel, line};
use crate::error::Result;
use crate::extension::{ParameterKind, Setting, Settings};
use crate::graph::{Arguments, Form, Layer, LayerGraph, Operation, shape_text};
use tch::Kind;

/// Classes of the data set that operations are told of.
const CLASSES: i64 = 7;

/// An operation built for one place.
struct Built {
    place: String,
    arguments: Arguments,
    inputs: Vec<Vec<i64>>,
    graph: LayerGraph,
}

/// (channels in, channels out, height, width)
const SIZES: [(i64, i64, i64, i64); 4] = [(4, 4, 8, 8), (6, 6, 7, 5), (4, 8, 8, 8), (3, 8, 9, 8)];

/// Checks one operation.
pub fn check(operation: &Operation) -> Vec<Check> {
    let mut checks = Checks::new(format!("operation {}", operation.name));
    let (built, wrong, refusals) = places(operation);
    let help = "return channels_out × ⌈height / stride⌉ × ⌈width / stride⌉ (a head: as many numbers as there are classes), \
                or refuse the place";
    if let Some(found) = wrong {
        checks.failed("shapes", help, found);
    } else if built.is_empty() {
        let more = match refusals.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more places)", n - 1),
        };
        let first = refusals.into_iter().next().unwrap_or_default();
        checks.failed("shapes", "build a graph in at least one place", format!("{first}{more}"));
    } else {
        checks.add("shapes", help, built.iter().map(runs_in_shape));
    }
    checks.add(
        "parameters",
        "build at both ends of every parameter's range, or narrow the range",
        ends(operation).into_iter().map(|given| at_end(operation, &built, &given)),
    );
    checks.add(
        "same graph",
        "`build` must depend on nothing but its arguments",
        built.iter().map(|b| builds_alike(operation, b)),
    );
    checks.add(
        "same bits",
        "compute the same from the same numbers: no random numbers, no state, no order of threads",
        built.iter().map(|b| told(&b.place, runs_alike(&b.graph))),
    );
    checks.add(
        "finite",
        "return finite numbers for usual inputs",
        built.iter().map(|b| told(&b.place, is_finite(&b.graph))),
    );
    checks.add(
        "gradients",
        "mend the gradient (of a kernel: its backward; of layers: tell us)",
        built.iter().enumerate().flat_map(|(n, b)| {
            let batches: &[i64] = if n < 2 { &[1, 3] } else { &[3] };
            batches.iter().map(|batch| told(&b.place, gradients(&b.graph, *batch)))
        }),
    );
    checks.add(
        "layouts",
        "a result must not depend on the layout of its input",
        built.iter().map(|b| told(&b.place, layouts(&b.graph))),
    );
    checks.add("float32", "compute the same in both dtypes", built.iter().map(|b| told(&b.place, dtypes(&b.graph))));
    // What is made of layers alone is ours to keep independent of threads.
    let own = |b: &&Built| b.graph.nodes.iter().any(|node| matches!(node.layer, Layer::Kernel(_) | Layer::Native(_)));
    checks.add(
        "threads",
        "a result must not depend on the number of threads",
        built.iter().filter(own).map(|b| told(&b.place, threads(&b.graph))),
    );
    let graphs: Vec<(&str, &LayerGraph)> = built.iter().map(|b| (b.place.as_str(), &b.graph)).collect();
    kernel::check(&mut checks, &graphs);
    checks.done()
}

fn told(place: &str, result: Result<Case>) -> Case {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(found)) => Err(format!("{place}: {found}")),
        Err(error) => Err(format!("{place}: {}", line(&error))),
    }
}

/// The operation in every place that it takes; the first place where it returns a wrong shape; why it refused others.
fn places(operation: &Operation) -> (Vec<Built>, Option<String>, Vec<String>) {
    let (mut built, mut wrong, mut refusals) = (Vec::new(), None, Vec::new());
    for form in [Form::Search, Form::Final] {
        for stride in [1, 2] {
            for (channels, channels_out, height, width) in SIZES {
                let arguments = Arguments { channels_out, stride, form, classes: CLASSES };
                let inputs = vec![vec![channels, height, width]; operation.inputs];
                let place = format!(
                    "{} → {channels_out} channels, stride {stride}, {} form",
                    inputs.first().map_or_else(|| "nothing".to_owned(), |shape| shape_text(shape)),
                    if form == Form::Search { "search" } else { "final" }
                );
                match operation.build(&Settings::new(), &arguments, &inputs) {
                    Err(error) => refusals.push(format!("{place}: {}", line(&error))),
                    Ok(graph) => {
                        let map = vec![channels_out, (height + stride - 1) / stride, (width + stride - 1) / stride];
                        let shapes: Vec<_> = graph.output_shapes().collect();
                        // Of a stem with several outputs each has a size of its own.
                        let several = shapes.len() > 1;
                        let fits = |s: &[i64]| {
                            *s == map || *s == [CLASSES] || (several && s.len() == 3 && s[0] == channels_out)
                        };
                        if shapes.iter().all(|s| fits(s)) && !shapes.is_empty() {
                            built.push(Built { place, arguments, inputs, graph });
                        } else if channels == channels_out {
                            // An operation that keeps the channels whatever it is asked for is one for edges alone.
                            let found: Vec<_> = shapes.iter().map(|s| shape_text(s)).collect();
                            let expected = shape_text(&map);
                            wrong.get_or_insert(format!(
                                "{place}: it returns {} instead of {expected}",
                                found.join(", ")
                            ));
                        }
                    }
                }
            }
        }
    }
    (built, wrong, refusals)
}

fn runs_in_shape(b: &Built) -> Case {
    let run = || -> Result<Case> {
        for batch in [1, 3] {
            let outcome = Probe::new(&b.graph, batch, Kind::Double, false, 1)?.run()?;
            for (output, shape) in outcome.outputs.iter().zip(b.graph.output_shapes()) {
                let expected: Vec<i64> = std::iter::once(batch).chain(shape.iter().copied()).collect();
                if output.size() != expected {
                    return Ok(Err(format!("it returns {:?} instead of {expected:?}", output.size())));
                }
            }
        }
        Ok(Ok(()))
    };
    told(&b.place, run())
}

/// Both ends of every parameter's range, one parameter at a time.
fn ends(operation: &Operation) -> Vec<Settings> {
    let mut list = Vec::new();
    for parameter in &operation.parameters {
        let values = match &parameter.kind {
            ParameterKind::Integer(_, least, most) => vec![Setting::Integer(*least), Setting::Integer(*most)],
            ParameterKind::Number(_, least, most) => vec![Setting::Number(*least), Setting::Number(*most)],
            ParameterKind::Boolean(_) => vec![Setting::Boolean(false), Setting::Boolean(true)],
            ParameterKind::Word(_, words) => words.iter().cloned().map(Setting::Word).collect(),
        };
        list.extend(values.into_iter().map(|value| Settings::from([(parameter.name.clone(), value)])));
    }
    list
}

fn at_end(operation: &Operation, built: &[Built], given: &Settings) -> Case {
    let Some(first) = built.first() else { return Ok(()) };
    let (name, value) = given.iter().next().map_or(("", String::new()), |(n, v)| (n.as_str(), v.to_string()));
    // A large kernel may well need a larger map than a small one.
    let mut inputs = first.inputs.clone();
    inputs.iter_mut().for_each(|shape| shape[1..].fill(32));
    match operation.build(given, &first.arguments, &inputs) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{name} = {value}: {}", line(&error))),
    }
}

fn builds_alike(operation: &Operation, b: &Built) -> Case {
    match operation.build(&Settings::new(), &b.arguments, &b.inputs) {
        Ok(again) if again.to_string() == b.graph.to_string() && again.tensors == b.graph.tensors => Ok(()),
        Ok(_) => Err(format!("{}: built twice, it gives two graphs", b.place)),
        Err(error) => Err(format!("{}: built once more, it fails: {}", b.place, line(&error))),
    }
}

fn runs_alike(graph: &LayerGraph) -> Result<Case> {
    let probe = Probe::new(graph, 2, Kind::Float, true, 2)?;
    let first = probe.run()?;
    for _ in 0..3 {
        let again = probe.run()?;
        for (a, b) in first.outputs.iter().zip(&again.outputs) {
            if !same_bits(a, b)? {
                return Ok(Err("run twice, it returns two results".to_owned()));
            }
        }
        for ((a, b), (name, _)) in first.gradients.iter().zip(&again.gradients).zip(probe.leaves()) {
            if let (Some(a), Some(b)) = (a, b)
                && !same_bits(a, b)?
            {
                return Ok(Err(format!("run twice, it returns two gradients of {name}")));
            }
        }
    }
    Ok(Ok(()))
}

fn is_finite(graph: &LayerGraph) -> Result<Case> {
    let probe = Probe::new(graph, 3, Kind::Float, true, 3)?;
    let outcome = probe.run()?;
    for output in &outcome.outputs {
        if !finite(output)? {
            return Ok(Err("an output is not finite".to_owned()));
        }
    }
    for (gradient, (name, _)) in outcome.gradients.iter().zip(probe.leaves()) {
        if let Some(gradient) = gradient
            && !finite(gradient)?
        {
            return Ok(Err(format!("the gradient of {name} is not finite")));
        }
    }
    Ok(Ok(()))
}

/// Central differences in double precision. A kink (of a ReLU, of a maximum) may lie between the two points: so three tries.
fn gradients(graph: &LayerGraph, batch: i64) -> Result<Case> {
    // The statistics of a single number say nothing.
    if batch == 1 && graph.shapes.iter().any(|s| s.len() == 3 && s[1] * s[2] == 1) {
        return Ok(Ok(()));
    }
    let mut worst = String::new();
    for seed in 4..7 {
        let probe = Probe::new(graph, batch, Kind::Double, false, seed)?;
        let apart = probe.differences(1e-6, seed)?;
        let Some((k, distance)) = apart.iter().enumerate().find(|(_, d)| **d > 1e-5) else { return Ok(Ok(())) };
        worst = format!("the gradient of {} is off by {distance:.1e} of its size", probe.leaves()[k].0);
    }
    Ok(Err(worst))
}

fn layouts(graph: &LayerGraph) -> Result<Case> {
    for (kind, tolerance) in [(Kind::Double, 1e-9), (Kind::Float, 1e-4)] {
        let (a, b) = (Probe::new(graph, 2, kind, false, 8)?.run()?, Probe::new(graph, 2, kind, true, 8)?.run()?);
        for (a, b) in a.outputs.iter().zip(&b.outputs) {
            let apart = distance(a, b)?;
            if apart > tolerance {
                return Ok(Err(format!("contiguous and channels-last inputs give results that are {apart:.1e} apart")));
            }
        }
    }
    Ok(Ok(()))
}

fn dtypes(graph: &LayerGraph) -> Result<Case> {
    let single = Probe::new(graph, 3, Kind::Float, true, 9)?;
    let (a, b) = (single.run()?, single.in_kind(Kind::Double)?.run()?);
    for (a, b) in a.outputs.iter().zip(&b.outputs) {
        let apart = distance(a, b)?;
        if apart > 1e-4 {
            return Ok(Err(format!("float32 and float64 are {apart:.1e} apart")));
        }
    }
    for ((a, b), (name, _)) in a.gradients.iter().zip(&b.gradients).zip(single.leaves()) {
        if let (Some(a), Some(b)) = (a, b) {
            let apart = distance(a, b)?;
            // Gradients before a batch norm are small differences of large numbers.
            if apart > 2e-2 && !distance_is_noise(a, b)? {
                return Ok(Err(format!("the gradients of {name} in float32 and float64 are {apart:.1e} apart")));
            }
        }
    }
    Ok(Ok(()))
}

/// Whether both are so small that only rounding is left of them.
fn distance_is_noise(a: &tch::Tensor, b: &tch::Tensor) -> Result<bool> {
    let most = |t: &tch::Tensor| -> Result<f64> { Ok(t.f_abs()?.f_max()?.f_double_value(&[])?) };
    Ok(most(a)? < 1e-4 && most(b)? < 1e-4)
}

/// Within rounding: libtorch's own layers may sum in another order. Kernels, which must not, are checked alone.
fn threads(graph: &LayerGraph) -> Result<Case> {
    let probe = Probe::new(graph, 5, Kind::Float, true, 10)?;
    let runs = kernel::with_threads(|| probe.run())?;
    for other in &runs[1..] {
        for (a, b) in runs[0].outputs.iter().zip(&other.outputs) {
            let apart = distance(a, b)?;
            if apart > 1e-4 {
                return Ok(Err(format!("with more threads the result is {apart:.1e} apart")));
            }
        }
    }
    Ok(Ok(()))
}
