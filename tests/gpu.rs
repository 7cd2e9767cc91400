//! What is looked at on a machine with an NVIDIA GPU: `cargo x gpu-check` runs the ignored tests. The others see to it, on the CPU, that
//! there is something to be run. Untested on a GPU until a machine with one has been at hand.

#[path = "../benches/common/mod.rs"]
mod bench;
mod common;

use edas::native::cuda::Autocast;
use edas::spec::Spec;
use edas::{Search, native};
use tch::{Device, Kind, Tensor};

const CUDA: &str = "cuda:0";

/// What iterations came to: losses, and α at the end.
struct Found {
    losses: Vec<f64>,
    alpha: Vec<f64>,
    seconds: f64,
}

/// The first iterations of `edas-cifar10` on noise.
fn iterations(count: u64, settings: &[&str]) -> Found {
    let folder = tempfile::tempdir().expect("a folder");
    bench::images::write(folder.path(), bench::images::COUNT).expect("it can be written");
    let mut all = vec![format!("data.root={}", folder.path().display())];
    all.extend(settings.iter().map(|setting| (*setting).to_owned()));
    let spec = Spec::load(common::repository("specs/edas-cifar10.yaml"), &all).expect("a valid spec");
    let mut running = Search::from_spec(spec).expect("it can be searched").start().expect("it starts");
    let mut losses = Vec::new();
    let begun = std::time::Instant::now();
    for _ in 0..count {
        let (record, _) = running.iteration(&mut []).expect("an iteration");
        losses.extend([record.search_loss, record.train_loss].into_iter().flatten());
    }
    let seconds = begun.elapsed().as_secs_f64() / count as f64;
    assert_eq!(losses.len() as u64, 2 * count);
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
    Found { losses, alpha: running.trainer.architecture.alpha.concat(), seconds }
}

/// Three iterations in double precision, here and by libtorch's operations on the CPU.
fn three_iterations_agree(device: &str) {
    let small = ["network.cells=8", "network.channels=4", "search.batch=8", "network.precision=float64"];
    let on = |device: &str| {
        let device = format!("device={device}");
        iterations(3, &[&small[..], &[&device, "execute.cpu=reference"]].concat())
    };
    let (here, there) = (on(device), on("cpu"));
    let pairs = here.losses.iter().chain(&here.alpha).zip(there.losses.iter().chain(&there.alpha));
    let apart = pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
    println!("CPU and {device}, 3 iterations in float64: losses and α {apart:.1e} apart at most");
    assert!(apart < 1e-9, "{apart:e}");
}

#[test]
fn there_is_something_to_be_run() {
    three_iterations_agree("cpu");
    iterations(1, &["network.cells=3", "network.channels=4", "search.batch=8", "device=cpu"]);
}

#[test]
fn autocast_lasts_as_long_as_its_guard() {
    let options = (Kind::Float, Device::Cpu);
    let (x, w) = (Tensor::ones([1, 2, 4, 4], options), Tensor::ones([3, 2, 1, 1], options));
    let kind = || x.conv2d(&w, None::<Tensor>, [1], [0], [1], 1).kind();
    assert_eq!(kind(), Kind::Float);
    {
        let _cast = Autocast::begin(Device::Cpu);
        assert_eq!(kind(), Kind::BFloat16);
    }
    assert_eq!(kind(), Kind::Float);
}

#[test]
#[ignore = "needs an NVIDIA GPU: `cargo x gpu-check`"]
fn gpu_operations_match_pytorchs_numbers() {
    assert!(native::cuda_devices() > 0, "libtorch sees no GPU");
    common::operations::match_on(Device::Cuda(0));
    println!("operations: outputs, gradients and running statistics as PyTorch's on a CPU, within 1e-4 and 1e-9");
}

#[test]
#[ignore = "needs an NVIDIA GPU: `cargo x gpu-check`"]
fn gpu_three_iterations_agree_with_the_cpus() {
    three_iterations_agree(CUDA);
}

#[test]
#[ignore = "needs an NVIDIA GPU: `cargo x gpu-check`"]
fn gpu_fifty_iterations() {
    for arithmetic in ["float32", "bfloat16"] {
        let (device, arithmetic) = (format!("device={CUDA}"), format!("execute.cuda={arithmetic}"));
        let found = iterations(50, &[&device, &arithmetic]);
        let last = &found.losses[found.losses.len() - 2..];
        println!(
            "50 iterations of edas-cifar10 on noise, {arithmetic}: {:.3} s each, last losses {:.3} and {:.3}",
            found.seconds, last[0], last[1]
        );
    }
}
