//! Operations against PyTorch's numbers, on any device.

use super::fixtures::{Fixture, PRECISIONS, assert_near, channels_last, start, values};
use super::op_sets;
use edas::execute::{Norm, reference};
use edas::extension::Settings;
use edas::graph::{Arguments, Form};
use tch::{Device, Tensor};

/// Compares every operation of the DARTS space on a device with PyTorch's numbers: outputs, gradients, running statistics, in both
/// precisions.
pub fn match_on(device: Device) {
    let fixture = Fixture::read("operations");
    let ops = op_sets("darts-ops");
    let candidates = [
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "sep_conv_7x7",
        "dil_conv_3x3",
        "dil_conv_5x5",
        "conv_7x1_1x7",
    ];
    let mut cases: Vec<(&str, i64, i64, i64)> = Vec::new();
    for stride in [1, 2] {
        cases.extend(candidates.iter().map(|name| (*name, stride, 4, 4)));
    }
    cases.extend([
        ("relu_conv_bn", 1, 4, 6),
        ("factorized_reduce", 2, 4, 6),
        ("stem_cifar", 1, 3, 12),
        ("pool_linear", 1, 4, 10),
    ]);
    let mut compared = 0;
    for (name, stride, channels_in, channels_out) in cases {
        for (form_name, form) in [("search", Form::Search), ("final", Form::Final)] {
            for (precision, kind, tolerance) in PRECISIONS {
                let case = format!("{name}.s{stride}.{form_name}.{precision}");
                let operation = ops.operation(name).expect("darts-ops offers it");
                let arguments = Arguments { channels_out, stride, form, classes: 10 };
                let graph =
                    operation.build(&Settings::new(), &arguments, &[vec![channels_in, 8, 8]]).expect("it can be built");
                let tensors: Vec<Tensor> = graph
                    .tensors
                    .iter()
                    .map(|spec| {
                        let value = start(&format!("{name}.s{stride}.{}", spec.name), &spec.shape);
                        value.to_kind(kind).to_device(device).set_requires_grad(spec.trained)
                    })
                    .collect();
                let x = (values("x", &[2, channels_in, 8, 8]) * 1.5).to_kind(kind).to_device(device);
                let x = channels_last(&x).set_requires_grad(true);
                let references: Vec<&Tensor> = tensors.iter().collect();
                let y = reference::run(&graph, &[&x], &references, Norm::Train).expect("it runs");
                let y = &y[0];
                assert_near(y, fixture.get(&format!("{case}.y")), tolerance, &case);
                let gy = values("gy", &y.size()).to_kind(kind).to_device(device);
                let loss = (y * gy).sum(kind);
                let leaves: Vec<&Tensor> =
                    std::iter::once(&x).chain(tensors.iter().filter(|t| t.requires_grad())).collect();
                let names = graph.tensors.iter().filter(|t| t.trained).map(|t| format!("g.{}", t.name));
                if loss.requires_grad() {
                    let gradients = Tensor::run_backward(&[&loss], &leaves, false, false);
                    for (gradient, key) in gradients.iter().zip(std::iter::once("gx".to_owned()).chain(names)) {
                        assert_near(
                            gradient,
                            fixture.get(&format!("{case}.{key}")),
                            tolerance,
                            &format!("{case}.{key}"),
                        );
                        compared += 1;
                    }
                } else {
                    assert_eq!(fixture.get(&format!("{case}.gx")).abs().max().double_value(&[]), 0.0);
                }
                for (tensor, spec) in tensors.iter().zip(&graph.tensors).filter(|(_, spec)| !spec.trained) {
                    assert_near(tensor, fixture.get(&format!("{case}.b.{}", spec.name)), tolerance, &case);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 400, "only {compared} tensors were compared");
}
