//! How many images per second the loader decodes and augments as ImageNet's are, by the number of its threads: photographs of 500×375 and
//! what `transfer` does by default. benches/README.md sets it beside what training needs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edas::data::{Augment, DataSet, Loader, LoaderSettings, Part, Split};
use edas::spec::{Data, DataSet as Name, Evaluate};
use image::{Rgb, RgbImage};
use std::path::Path;
use std::sync::Arc;

/// Images in a batch.
const BATCH: usize = 32;

/// Images in the folder.
const IMAGES: u32 = 64;

/// A folder of JPEG files with the detail of photographs: waves of several lengths, and grain.
fn images(folder: &Path) {
    for number in 0..IMAGES {
        let class = folder.join("train").join(["a", "b"][number as usize % 2]);
        std::fs::create_dir_all(&class).expect("a folder");
        let phase = f64::from(number);
        let picture = RgbImage::from_fn(500, 375, |x, y| {
            let (x, y) = (f64::from(x), f64::from(y));
            let grain = ((x * 12.9898 + y * 78.233 + phase).sin() * 43_758.545).fract() * 12.0;
            let wave = |scale: f64| 60.0 * ((x + phase) / scale).sin() * (y / scale).cos();
            Rgb([wave(40.0), wave(17.0), wave(90.0)].map(|value| (128.0 + value + grain) as u8))
        });
        picture.save(class.join(format!("{number}.jpg"))).expect("written");
    }
}

fn loader(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    images(folder.path());
    let mut group = c.benchmark_group("loader, ImageNet's augmentation");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for workers in [1, 2] {
        let described = Data { size: Some(224), ..Data::new(Name::Images, Some(folder.path().into())) };
        let data = Arc::new(DataSet::of_spec(&described, Part::Train).expect("a folder of images"));
        let split = Split::whole(&data.images.labels, None, 0).expect("images");
        let augment = Evaluate::transfer().augment.as_ref().map(Augment::from).unwrap_or_default();
        let settings = LoaderSettings { batch: BATCH, augment, seed: 0, workers, first_iteration: 0 };
        let mut loader = Loader::start(data, &split, settings).expect("threads");
        group.bench_function(format!("{workers} threads"), |b| b.iter(|| loader.next().expect("a batch")));
    }
    group.finish();
}

criterion_group!(benches, loader);
criterion_main!(benches);
