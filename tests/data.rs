//! Data sets, splits, augmentation, batches, and the loader.

mod common;

use common::{edas, repository};
use edas::data::augment::Draw;
use edas::data::{Augment, DataSet, Loader, LoaderSettings, Part, Plain, Split, published_size, split_sizes};
use edas::random::{Purpose, Stream};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;

#[test]
fn digits_are_the_1797_of_the_uci_set() {
    let (train, test) = (load("digits", None, Part::Train), load("digits", None, Part::Test));
    assert_eq!((train.len(), test.len()), (1437, 360));
    assert_eq!((train.channels, train.height, train.width, train.classes.len()), (1, 8, 8, 10));
    // The first digit of the set is a 0 whose first row is 0 0 5 13 9 1 0 0.
    assert_eq!(train.images.labels[0], 0);
    assert_eq!(train.pixels(0)[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    let counts = |data: &DataSet| (0..10).map(|d| data.images.labels.iter().filter(|l| **l == d).count()).min();
    assert!(counts(&train) > Some(130) && counts(&test) > Some(30));
    assert_eq!(published_size("digits").expect("known").train, 1437);
}

fn load(name: &str, root: Option<&Path>, part: Part) -> DataSet {
    DataSet::load(name, root, part, 2).expect("it can be read")
}

/// Two records of CIFAR-10 whose pixel (row r, column c) of plane p is 100 p + r + c.
fn cifar_record(labels: &[u8]) -> Vec<u8> {
    let mut record = labels.to_vec();
    for plane in 0..3u8 {
        for row in 0..32u8 {
            record.extend((0..32u8).map(|column| 100 * (plane % 2) + row + column + plane));
        }
    }
    record
}

#[test]
fn cifar_10_in_its_binary_layout() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&inside).expect("a folder");
    fs::write(inside.join("data_batch_2.bin"), cifar_record(&[7])).expect("written");
    fs::write(inside.join("data_batch_1.bin"), [cifar_record(&[3]), cifar_record(&[9])].concat()).expect("written");
    fs::write(inside.join("test_batch.bin"), cifar_record(&[1])).expect("written");
    let names: Vec<String> = (0..10).map(|i| format!("class {i}")).collect();
    fs::write(inside.join("batches.meta.txt"), names.join("\n")).expect("written");
    for root in [folder.path(), &inside] {
        let data = load("cifar10", Some(root), Part::Train);
        assert_eq!(data.images.labels, [3, 9, 7], "batches in the order of their numbers");
        assert_eq!(data.classes[4], "class 4");
        // Planes become channels: pixel (1, 2) has 3 of red, 104 of green, 5 of blue.
        assert_eq!(data.pixels(0)[(32 + 2) * 3..][..3], [3, 104, 5]);
        assert_eq!(load("cifar10", Some(root), Part::Test).images.labels, [1]);
    }
}

#[test]
fn cifar_100_has_fine_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("train.bin"), [cifar_record(&[1, 99]), cifar_record(&[0, 42])].concat())
        .expect("written");
    let data = load("cifar100", Some(folder.path()), Part::Train);
    assert_eq!((data.images.labels.as_slice(), data.classes.len()), (&[99, 42][..], 100));
}

/// A whole search on CIFAR-100's layout, with 100 classes.
#[test]
fn a_search_on_cifar_100_runs_end_to_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stream = Stream::new(0, Purpose::Split, 0);
    let mut bytes = Vec::new();
    for image in 0..200u32 {
        bytes.extend([0, (image % 100) as u8]);
        bytes.extend((0..3072).map(|_| stream.index(256) as u8));
    }
    fs::write(folder.path().join("train.bin"), bytes).expect("written");
    let output = edas(folder.path())
        .args(["search", "-q", "--run", "run", "--json"])
        .arg(repository("specs/edas-cifar100.yaml"))
        .args(["--set", "data.root=.", "--set", "network.cells=3", "--set", "network.channels=4"])
        .args(["--set", "search.epochs=1", "--set", "search.batch=25"])
        .assert()
        .success();
    let result: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    assert!(result["derived_accuracy"].as_f64().expect("a number") <= 1.0);
    let weights = fs::read(folder.path().join("run/checkpoints/final.safetensors")).expect("weights");
    let weights = safetensors::SafeTensors::deserialize(&weights).expect("safetensors");
    assert_eq!(weights.tensor("head.1.weight").expect("the classifier").shape(), [100, 64]);
}

fn image(folder: &Path, name: &str, colour: [u8; 3], size: u32) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    image::RgbImage::from_pixel(size, size, image::Rgb(colour)).save(path).expect("written");
}

#[test]
fn image_folders_in_the_order_of_names() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, colour) in [("dog/b.png", [10, 20, 30]), ("dog/a.PNG", [40, 50, 60]), ("cat/z.jpg", [200, 200, 200])] {
        image(&folder.path().join("train"), name, colour, 4);
    }
    fs::write(folder.path().join("train/.DS_Store"), "hidden").expect("written");
    // A PNG under another name, and a grey one, are read by their content.
    fs::rename(folder.path().join("train/dog/b.png"), folder.path().join("train/dog/b.jpg")).expect("renamed");
    image::GrayImage::from_pixel(4, 4, image::Luma([77]))
        .save(folder.path().join("train/cat/grey.png"))
        .expect("written");
    let one = DataSet::load("images", Some(folder.path()), Part::Train, 1).expect("it can be read");
    assert_eq!(one.classes, ["cat", "dog"]);
    assert_eq!(one.images.labels, [0, 0, 1, 1]);
    assert_eq!((one.pixels(0)[..3].to_vec(), one.pixels(2)[..3].to_vec()), (vec![77; 3], vec![40, 50, 60]));
    assert_eq!(one, DataSet::load("images", Some(folder.path()), Part::Train, 4).expect("it can be read"));
    let mean = (77.0 + f32::from(one.pixels(1)[0]) + 40.0 + 10.0) / 4.0 / 255.0;
    assert!((one.mean[0] - mean).abs() < 1e-6);
    image(&folder.path().join("train"), "dog/c.png", [0; 3], 5);
    let error = DataSet::load("images", Some(folder.path()), Part::Train, 1).expect_err("another size");
    assert!(error.to_string().contains("5×5") && error.to_string().contains("c.png"), "{error}");
}

proptest! {
    #[test]
    fn splits_are_whole_disjoint_and_balanced(
        seed in any::<u64>(), per_class in 4usize..40, classes in 2u16..12, share in 0.2f64..0.8, holdout in prop_oneof![Just(0.0), 0.1f64..0.5]
    ) {
        let labels: Vec<u16> = (0..per_class * usize::from(classes)).map(|i| (i % usize::from(classes)) as u16).collect();
        let split = Split::new(&labels, None, holdout, share, seed).expect("enough images");
        let sizes = split_sizes(labels.len(), holdout, share);
        prop_assert_eq!((split.train.len(), split.search.len(), split.holdout.len()), (sizes.train, sizes.search, sizes.holdout));
        let mut all: Vec<usize> = [&split.train[..], &split.search, &split.holdout].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
        for part in [&split.train, &split.search, &split.holdout] {
            for class in 0..classes {
                let count = part.iter().filter(|i| labels[**i] == class).count() as f64;
                let fair = part.len() as f64 / f64::from(classes);
                prop_assert!((count - fair).abs() <= 2.0, "{} of a fair {}", count, fair);
            }
        }
        prop_assert_eq!(&split, &Split::new(&labels, None, holdout, share, seed).expect("the same"));
    }

    #[test]
    fn a_limit_takes_balanced_images(seed in any::<u64>(), limit in 20usize..100) {
        let labels: Vec<u16> = (0..200).map(|i| i % 5).collect();
        let split = Split::new(&labels, Some(limit), 0.0, 0.5, seed).expect("enough images");
        prop_assert_eq!(split.train.len() + split.search.len(), limit);
    }

    /// However unequal the classes are: equally many of each, and all of one that has fewer.
    #[test]
    fn a_limit_takes_equally_many_of_each_class(
        seed in any::<u64>(), sizes in prop::collection::vec(1usize..60, 2..8), share in 0.05f64..1.0
    ) {
        let labels: Vec<u16> = sizes.iter().enumerate().flat_map(|(class, n)| vec![class as u16; *n]).collect();
        let limit = ((labels.len() as f64 * share) as usize).max(2);
        let split = Split::new(&labels, Some(limit), 0.0, 0.5, seed).expect("enough images");
        let mut all: Vec<usize> = [&split.train[..], &split.search].concat();
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), limit);
        let of = |part: &[usize], class: usize| part.iter().filter(|i| usize::from(labels[**i]) == class).count();
        let taken: Vec<usize> = (0..sizes.len()).map(|class| of(&all, class)).collect();
        let most = *taken.iter().max().expect("classes");
        for (class, n) in taken.iter().enumerate() {
            prop_assert!(*n == sizes[class] || n + 1 >= most, "{:?} of {:?}", taken, sizes);
            prop_assert!((2 * of(&split.train, class)).abs_diff(*n) <= 4, "halves of {}", n);
        }
    }
}

/// A data set of one channel whose pixel values are their own positions.
fn counting(images: usize, height: usize, width: usize) -> DataSet {
    let pixels = (0..images * height * width).map(|i| (i % (height * width)) as u8 + 1).collect();
    let labels = (0..images).map(|i| (i % 3) as u16).collect();
    DataSet {
        name: "counting".into(),
        classes: vec!["a".into(), "b".into(), "c".into()],
        channels: 1,
        height,
        width,
        images: edas::data::dataset::Images { pixels, labels },
        files: None,
        maximum: 10.0,
        mean: vec![0.1],
        std: vec![2.0],
        hash: String::new(),
    }
}

/// Pixels 1 to 9 of a 3×3 image, each (pixel / 10 − 0.1) / 2; 0 stands for black outside, b for blanked.
fn drawn(draw: Draw) -> Vec<f32> {
    let data = counting(1, 3, 3);
    edas::data::batch::drawn(&data, 0, &draw).expect("it is in memory")
}

#[test]
fn augmentation_by_hand() {
    let n = |pixel: u8| (f32::from(pixel) / 10.0 - 0.1) / 2.0;
    let of = |pixels: [u8; 9]| pixels.map(n).to_vec();
    assert_eq!(drawn(Draw::NONE), of([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert_eq!(drawn(Draw { flip: true, ..Draw::NONE }), of([3, 2, 1, 6, 5, 4, 9, 8, 7]));
    // One row down, one column to the left of where it was: the window begins at row 1, column −1.
    assert_eq!(drawn(Draw { shift: (1, -1), ..Draw::NONE }), of([0, 4, 5, 0, 7, 8, 0, 0, 0]));
    // A crop is mirrored after it was cut out.
    assert_eq!(drawn(Draw { shift: (1, -1), flip: true, ..Draw::NONE }), of([5, 4, 0, 8, 7, 0, 0, 0, 0]));
    let mut expected = of([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for blanked in [0, 1, 3, 4] {
        expected[blanked] = 0.0;
    }
    assert_eq!(drawn(Draw { blank: Some([0, 2, 0, 2]), ..Draw::NONE }), expected);
}

#[test]
fn draws_of_augmentation_cover_their_ranges_evenly() {
    let augment = Augment { crop: 2, flip: true, cutout: 4, ..Augment::default() };
    let (mut flips, mut rows) = (0, [0; 5]);
    for i in 0..5000 {
        let draw = augment.draw((8, 8), (8, 8), &mut Stream::new(3, Purpose::AugmentTrain, i));
        flips += usize::from(draw.flip);
        rows[(draw.shift.0 + 2) as usize] += 1;
        let [top, bottom, left, right] = draw.blank.expect("cutout is on");
        assert!(bottom <= 8 && right <= 8 && (2..=4).contains(&(bottom - top)) && (2..=4).contains(&(right - left)));
    }
    assert!((2350..2650).contains(&flips), "{flips} flips of 5000");
    assert!(rows.iter().all(|n| (900..1100).contains(n)), "{rows:?}");
}

fn settings(workers: usize, first_iteration: u64) -> LoaderSettings {
    let augment = Augment { crop: 1, flip: true, ..Augment::default() };
    LoaderSettings { batch: 4, augment, seed: 5, workers, first_iteration }
}

#[test]
fn the_loader_gives_the_same_whatever_its_threads_and_its_start() {
    let data = Arc::new(counting(25, 4, 4));
    let split = Split { train: (0..10).collect(), search: (10..13).collect(), holdout: Vec::new() };
    let batches = |workers, first: u64, count: usize| {
        let mut loader = Loader::start(data.clone(), &split, settings(workers, first)).expect("threads");
        (0..count).map(|_| loader.next().expect("a batch")).collect::<Vec<_>>()
    };
    let all = batches(1, 0, 9);
    assert_eq!(all, batches(4, 0, 9));
    assert_eq!(all[4..], batches(3, 4, 5)[..]);
    // Ten images in batches of four: 4, 4, 2, and then the next epoch in another order.
    let sizes: Vec<usize> = all.iter().map(|(train, _)| train.labels.len()).collect();
    assert_eq!(sizes, [4, 4, 2, 4, 4, 2, 4, 4, 2]);
    assert!(all.iter().all(|(train, search)| train.labels.len() == search.labels.len()));
    let labels = |from: usize| all[from..from + 3].iter().flat_map(|(t, _)| t.labels.clone()).collect::<Vec<_>>();
    let (mut first, mut second) = (labels(0), labels(3));
    assert_ne!(first, second);
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, second, "an epoch holds every image once");
}

#[test]
fn a_loader_that_is_dropped_early_ends() {
    let data = Arc::new(counting(25, 4, 4));
    let split = Split { train: (0..10).collect(), search: (10..13).collect(), holdout: Vec::new() };
    for _ in 0..20 {
        let mut loader = Loader::start(data.clone(), &split, settings(2, 0)).expect("threads");
        loader.next().expect("a batch");
    }
    // The threads hold the data: when they have ended, this is its only owner.
    for _ in 0..200 {
        if Arc::strong_count(&data) == 1 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} owners are left", Arc::strong_count(&data));
}

#[test]
fn plain_batches_keep_order_and_the_smaller_last() {
    let data = counting(7, 2, 2);
    let list = [6, 0, 3, 1, 2];
    let batches: Vec<_> = Plain::new(&data, &list, 2).collect::<Result<_, _>>().expect("memory");
    assert_eq!(batches.iter().map(|b| b.labels.clone()).collect::<Vec<_>>(), [vec![0, 0], vec![0, 1], vec![2]]);
    assert_eq!(batches[2].images.len(), 4);
}

/// Inks become light: what Photoshop writes has them the other way round, which its marker tells.
#[test]
fn images_in_inks_have_their_colours() {
    let file = repository("tests/images/cmyk.jpg");
    let bytes = fs::read(&file).expect("it is there");
    let (width, height, pixels) = edas::data::decode::decode(&bytes, &file).expect("a JPEG");
    assert_eq!((width, height), (16, 12));
    // As Pillow has them.
    for ((x, y), expected) in [((0, 0), [225, 225, 137]), ((15, 0), [26, 225, 137]), ((0, 11), [225, 32, 137])] {
        let at = (y * 16 + x) * 3;
        for (found, expected) in pixels[at..at + 3].iter().zip(expected) {
            assert!(found.abs_diff(expected) <= 2, "{:?} at {x}, {y}", &pixels[at..at + 3]);
        }
    }
}
