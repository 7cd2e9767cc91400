//! Data that are incomplete without looking so: each must be an error, never a search on something else.

use super::{DataSet, Part};
use std::fs;
use std::path::Path;

fn images(root: &Path, part: &str, class: &str, shade: u8) {
    let folder = root.join(part).join(class);
    fs::create_dir_all(&folder).expect("a folder");
    image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([shade, (x * y) as u8, (x + y) as u8]))
        .save(folder.join("0.jpg"))
        .expect("written");
}

fn load(name: &str, root: &Path, part: Part) -> crate::error::Result<DataSet> {
    DataSet::load(name, Some(root), part, 1)
}

#[test]
fn a_jpeg_that_is_cut_short_anywhere_is_broken() {
    let folder = tempfile::tempdir().expect("a folder");
    images(folder.path(), "train", "a", 1);
    images(folder.path(), "train", "b", 2);
    let file = folder.path().join("train/b/0.jpg");
    let whole = fs::read(&file).expect("read");
    for length in (0..whole.len()).rev().step_by(7) {
        fs::write(&file, &whole[..length]).expect("written");
        let error = load("images", folder.path(), Part::Train).expect_err("it is cut short");
        assert!(error.to_string().contains("0.jpg"), "{length} bytes: {error}");
    }
    // What follows the end marker is no part of the image.
    fs::write(&file, [&whole[..], b"more"].concat()).expect("written");
    assert_eq!(load("images", folder.path(), Part::Train).expect("whole").len(), 2);
}

#[test]
fn the_test_part_has_the_classes_and_statistics_of_the_train_part() {
    let folder = tempfile::tempdir().expect("a folder");
    for class in ["a", "b", "c"] {
        images(folder.path(), "train", class, 10);
        images(folder.path(), "test", class, 200);
    }
    let train = load("images", folder.path(), Part::Train).expect("read");
    let test = load("images", folder.path(), Part::Test).expect("read");
    assert_eq!((&test.mean, &test.std, &test.classes), (&train.mean, &train.std, &train.classes));
    assert_ne!(test.hash, train.hash);
    // Without `a`, label 0 would mean `b`.
    fs::remove_dir_all(folder.path().join("test/a")).expect("removed");
    let error = load("images", folder.path(), Part::Test).expect_err("a class is missing").to_string();
    assert!(error.contains("no folder `a`"), "{error}");
}

#[test]
fn a_gap_in_the_numbers_of_cifar_batches_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |number: u8| {
        let record = [&[number][..], &[0; 3072]].concat();
        fs::write(folder.path().join(format!("data_batch_{number}.bin")), record).expect("written");
    };
    [1, 2, 4].into_iter().for_each(write);
    let error = load("cifar10", folder.path(), Part::Train).expect_err("a file is missing").to_string();
    assert!(error.contains("data_batch_3.bin"), "{error}");
    write(3);
    assert_eq!(load("cifar10", folder.path(), Part::Train).expect("whole").images.labels, [1, 2, 3, 4]);
}
