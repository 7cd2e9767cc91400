//! Layer graphs: their text form, their cost, and what a builder refuses.

mod common;

use common::{darts_space, op_sets, settings};
use edas::extension::{Attribute, Setting, Settings};
use edas::graph::{Arguments, Form, Layer};
use edas::policy::{Plan, Resolved};
use edas::supernet::{Include, Network};
use tch::Kind;

fn text(operation: &str, stride: i64, form: Form) -> String {
    let ops = op_sets("darts-ops");
    let arguments = Arguments { channels_out: 16, stride, form, classes: 10 };
    let graph = ops.operation(operation).expect("offered").build(&Settings::new(), &arguments, &[vec![16, 32, 32]]);
    graph.expect("it can be built").to_string()
}

#[test]
fn operations_as_text() {
    insta::assert_snapshot!(text("sep_conv_3x3", 2, Form::Search), @r"
    (x0: 16×32×32)
      0: relu (x0) → 16×32×32
      1: conv 3×3 stride=2 padding=1 channels=16 groups=16 (%0) → 16×16×16
      2: conv 1×1 channels=16 (%1) → 16×16×16
      3: batch_norm (%2) → 16×16×16
      4: relu (%3) → 16×16×16
      5: conv 3×3 padding=1 channels=16 groups=16 (%4) → 16×16×16
      6: conv 1×1 channels=16 (%5) → 16×16×16
      7: batch_norm (%6) → 16×16×16
      return %7
    ");
    insta::assert_snapshot!(text("skip_connect", 2, Form::Final), @r"
    (x0: 16×32×32)
      0: relu (x0) → 16×32×32
      1: conv 1×1 stride=2 channels=8 (%0) → 8×16×16
      2: pad -1,-1,1,1 (%0) → 16×32×32
      3: conv 1×1 stride=2 channels=8 (%2) → 8×16×16
      4: concat (%1, %3) → 16×16×16
      5: batch_norm affine (%4) → 16×16×16
      return %5
    ");
    insta::assert_snapshot!(text("skip_connect", 1, Form::Search), @"
    (x0: 16×32×32)
      return x0
    ");
    insta::assert_snapshot!(text("none", 2, Form::Search), @r"
    (x0: 16×32×32)
      0: zero channels=16 stride=2 (x0) → 16×16×16
      return %0
    ");
    insta::assert_snapshot!(text("max_pool_3x3", 1, Form::Final), @r"
    (x0: 16×32×32)
      0: max_pool 3×3 padding=1 (x0) → 16×32×32
      return %0
    ");
}

/// The cost of a separable convolution by hand: twice 16·9 + 16·16 weights, each used once per pixel.
#[test]
fn costs_by_hand() {
    let ops = op_sets("darts-ops");
    let arguments = Arguments { channels_out: 16, stride: 1, form: Form::Final, classes: 10 };
    let build = |name: &str| {
        let operation = ops.operation(name).expect("offered");
        operation.build(&Settings::new(), &arguments, &[vec![16, 8, 8]]).expect("it can be built").cost()
    };
    let cost = build("sep_conv_3x3");
    assert_eq!(cost.multiply_adds, 2 * (16 * 9 + 16 * 16) * 64);
    assert_eq!(cost.parameters, 2 * (16 * 9 + 16 * 16) + 2 * 2 * 16, "affine batch norms have two weights per channel");
    assert_eq!(cost.activations, 8 * 16 * 64);
    assert_eq!(build("none").activations, 0);
    let by_parameter = ops.operation("sep_conv").expect("offered");
    let kernel = Settings::from([("kernel".to_owned(), Setting::Integer(3))]);
    let graph = by_parameter.build(&kernel, &arguments, &[vec![16, 8, 8]]).expect("it can be built");
    assert_eq!(graph.cost(), cost);
    for (wrong, part) in
        [(("kernel", 4.5), "a whole number from 1 to 15"), (("kernel", 16.0), "15"), (("kernl", 3.0), "kernel")]
    {
        let given = Settings::from([(wrong.0.to_owned(), Setting::Number(wrong.1))]);
        let error = by_parameter.build(&given, &arguments, &[vec![16, 8, 8]]).expect_err("refused").to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// The weights of the DARTS supernet's classifier form: 8 cells, 16 channels have the 1.93 million that DARTS reports.
#[test]
fn the_supernet_has_the_published_number_of_weights() {
    let network =
        Network::build(&darts_space(), &settings(8, 16, 32, Kind::Float), Include::All).expect("it can be built");
    let weights: i64 = network.parameters.iter().filter(|p| p.trained).map(|p| p.tensor.numel() as i64).sum();
    // quark0/darts, cnn/train_search.py: "param size = 1.930842MB", the two tables of α (2 · 14 · 8) among them or not.
    assert!((weights as f64 / 1e6 - 1.930_842).abs() < 3e-4, "{weights}");
    // Only the operations that run count under a plan.
    let strongest = network.cost(&Plan::strongest(28).resolve(&vec![vec![0.0; 8]; 28], 0));
    let cut = network.cost(&Resolved::of_choices(&[None; 28]));
    assert!(cut.parameters <= strongest.parameters);
}

#[test]
fn layers_say_what_is_wrong_with_their_attributes() {
    let read = |kind: &str, attributes: &[(&str, Attribute)]| {
        let attributes = attributes.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect();
        Layer::read(kind, attributes).expect_err("refused").to_string()
    };
    for (error, parts) in [
        (read("cnv", &[]), ["no layer of kind `cnv`", "did you mean `conv`?"]),
        (read("conv", &[]), ["needs the attribute `channels`", ""]),
        (read("relu", &[("slope", Attribute::Number(0.1))]), ["has no attribute `slope`", "none"]),
        (read("max_pool", &[("kernel", Attribute::Integer(0))]), ["out of range", "from 1"]),
        (read("scale", &[("factor", Attribute::Text("x".into()))]), ["wrong type", "expected: a number"]),
        (read("pad", &[("botom", Attribute::Integer(1))]), ["has no attribute `botom`", "did you mean `bottom`?"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in `{error}`");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let ops = op_sets("darts-ops");
    let operation = ops.operation("sep_conv_7x7").expect("offered");
    let arguments = Arguments { channels_out: 16, stride: 1, form: Form::Search, classes: 10 };
    let error = operation.build(&Settings::new(), &arguments, &[vec![16]]).expect_err("a vector is no map").to_string();
    assert!(error.contains("operation `sep_conv_7x7`") && error.contains("channels×height×width"), "{error}");
    let error = operation.build(&Settings::new(), &arguments, &[]).expect_err("no input").to_string();
    assert!(error.contains("another number of inputs"), "{error}");
}

/// A whole network on images of odd sizes, and on one of a single pixel.
#[test]
fn odd_sizes_work() {
    for size in [1, 2, 3, 5, 7, 9] {
        let network = Network::build(&darts_space(), &settings(6, 4, size, Kind::Float), Include::All);
        let network = network.unwrap_or_else(|e| panic!("{size}: {e}"));
        let x = tch::Tensor::ones([2, 3, size, size], (Kind::Float, tch::Device::Cpu));
        let alpha = vec![vec![0.0; 8]; 28];
        let plan = Plan::strongest(28).relax_all().resolve(&alpha, 0);
        let mixture =
            alpha.iter().map(|row| Some(tch::Tensor::from_slice(row).to_kind(Kind::Float).softmax(0, None))).collect();
        // A batch of one image of one pixel has one value per channel, and no variance.
        for (images, norm) in [(2, edas::execute::Norm::Running), (1, edas::execute::Norm::Train)] {
            let logits = network.forward(&x.narrow(0, 0, images), &plan, &mixture, norm).expect("it runs");
            assert_eq!(logits.size(), [images, 10]);
        }
        let finite = |p: &edas::supernet::Parameter| p.tensor.isfinite().all().int64_value(&[]) == 1;
        assert!(network.parameters.iter().all(finite), "{size}");
    }
}
