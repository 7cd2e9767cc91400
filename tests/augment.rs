//! Images changed as torchvision changes them: colours, windows brought to a size, the middle that tests look at. How random windows and
//! colours are drawn.

mod common;

use common::fixtures::{Fixture, assert_near, values};
use edas::data::augment::Draw;
use edas::data::jitter::{Change, Jitter};
use edas::data::window::{Pixels, Window};
use edas::random::{Purpose, Stream};
use proptest::prelude::*;
use tch::{Kind, Tensor};

/// The fixtures' picture.
fn picture(height: usize, width: usize) -> Pixels<'static> {
    let numbers = (values(&format!("picture.{height}x{width}"), &[height as i64, width as i64, 3]) + 1.0) * 128.0;
    let bytes = Vec::<u8>::try_from(numbers.floor().clamp(0.0, 255.0).to_kind(Kind::Uint8).view(-1)).expect("bytes");
    Pixels { bytes: bytes.into(), channels: 3, height, width }
}

fn tensor(values: &[f32], like: &Tensor) -> Tensor {
    Tensor::from_slice(values).view(like.size().as_slice())
}

#[test]
fn colours_change_as_torchvision_changes_them() {
    let fixture = Fixture::read("augment");
    let shares: Vec<f32> = picture(40, 30).bytes.iter().map(|value| f32::from(*value) / 255.0).collect();
    let near = |name: &str, changes: &[Change], channels: usize| {
        let expected = fixture.get(name);
        let mut values: Vec<f32> = match channels {
            3 => shares.clone(),
            _ => shares.iter().step_by(3).copied().collect(),
        };
        changes.iter().for_each(|change| change.apply(&mut values, channels));
        // Hues are ratios of differences: float32 leaves 1e-6 of a share at most.
        assert_near(&tensor(&values, expected), expected, 5e-6, name);
    };
    for factor in [1.3f32, 0.6] {
        near(&format!("brightness.{factor}"), &[Change::Brightness(factor)], 3);
    }
    for factor in [1.4f32, 0.7] {
        near(&format!("contrast.{factor}"), &[Change::Contrast(factor)], 3);
    }
    near("saturation.1.35", &[Change::Saturation(1.35)], 3);
    near("saturation.0.0", &[Change::Saturation(0.0)], 3);
    near("hue.0.2", &[Change::Hue(0.2)], 3);
    near("hue.-0.35", &[Change::Hue(-0.35)], 3);
    let row = [Change::Hue(-0.1), Change::Contrast(1.2), Change::Brightness(0.8), Change::Saturation(1.3)];
    near("row", &row, 3);
    near("grey.brightness", &[Change::Brightness(1.3)], 1);
    near("grey.contrast", &[Change::Contrast(1.4)], 1);
    near("grey.saturation", &[Change::Saturation(1.3)], 1);
    near("grey.hue", &[Change::Hue(0.2)], 1);
}

/// How many levels of 255 two images are apart at most.
fn apart(found: &Pixels, expected: &Tensor) -> f64 {
    let values: Vec<f32> = found.bytes.iter().map(|value| f32::from(*value)).collect();
    (tensor(&values, expected).to_kind(Kind::Double) - expected).abs().max().double_value(&[])
}

#[test]
fn windows_and_middles_are_those_of_torchvision() {
    let fixture = Fixture::read("augment");
    for [top, left, height, width] in [[5, 3, 20, 17], [0, 0, 40, 30], [12, 9, 1, 2]] {
        let cut = picture(40, 30).cut(Window { top, left, height, width }, 24, 24).expect("within the picture");
        let name = format!("window.{top}.{left}.{height}.{width}");
        // Both round what they have between their two passes, one up where the other may round down.
        assert!(apart(&cut, fixture.get(&name)) <= 1.0, "{name}: {}", apart(&cut, fixture.get(&name)));
    }
    for (height, width) in [(40, 30), (30, 47), (3, 90), (1, 1), (64, 64)] {
        let middle = picture(height, width).middle(24).expect("any size will do");
        assert_eq!((middle.height, middle.width, middle.channels), (24, 24, 3));
        let name = format!("middle.{height}x{width}");
        assert!(apart(&middle, fixture.get(&name)) <= 1.0, "{name}: {}", apart(&middle, fixture.get(&name)));
    }
    assert!(picture(4, 4).cut(Window { top: 2, left: 0, height: 3, width: 1 }, 8, 8).is_err());
    // What has the size already is not touched.
    assert_eq!(picture(8, 8).stretched(8, 8).expect("the same"), picture(8, 8));
}

proptest! {
    /// A window lies within the image, and where one fits it has the share and the shape that were asked.
    #[test]
    fn windows_lie_within(height in 1usize..600, width in 1usize..600, least in 0.01f64..1.0, seed in any::<u64>()) {
        let window = Window::draw(height, width, least, &mut Stream::new(seed, Purpose::AugmentTrain, 0));
        prop_assert!(window.height >= 1 && window.width >= 1);
        prop_assert!(window.top + window.height <= height && window.left + window.width <= width);
        // Of so small a share one fits within ten tries.
        if least < 0.3 && height.min(width) > 60 && height.max(width) < 2 * height.min(width) {
            let share = (window.height * window.width) as f64 / (height * width) as f64;
            let aspect = window.width as f64 / window.height as f64;
            // Rounded to whole pixels.
            prop_assert!(share > least * 0.85 - 0.01, "{}", share);
            prop_assert!((0.6..1.7).contains(&aspect), "{}", aspect);
        }
    }

    #[test]
    fn jitter_stays_in_its_bounds(seed in any::<u64>(), most in 0.01f64..1.5, hue in 0.01f64..0.5) {
        let jitter = Jitter { brightness: most, contrast: most, saturation: most, hue };
        let changes = jitter.draw(&mut Stream::new(seed, Purpose::AugmentTrain, 0));
        prop_assert_eq!(changes.len(), 4);
        for change in changes {
            match change {
                Change::Brightness(f) | Change::Contrast(f) | Change::Saturation(f) => {
                    prop_assert!(f64::from(f) >= (1.0 - most).max(0.0) - 1e-6 && f64::from(f) <= 1.0 + most + 1e-6);
                }
                Change::Hue(turn) => prop_assert!(f64::from(turn).abs() <= hue + 1e-6),
            }
        }
    }
}

#[test]
fn windows_and_orders_are_drawn_evenly() {
    let (mut shares, mut first) = (Vec::new(), [0; 4]);
    for i in 0..2000 {
        let stream = &mut Stream::new(1, Purpose::AugmentTrain, i);
        let window = Window::draw(300, 300, 0.08, stream);
        shares.push((window.height * window.width) as f64 / 90_000.0);
        let changes = Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 }.draw(stream);
        first[match changes[0] {
            Change::Brightness(_) => 0,
            Change::Contrast(_) => 1,
            Change::Saturation(_) => 2,
            Change::Hue(_) => 3,
        }] += 1;
    }
    assert!(first.iter().all(|count| (400..600).contains(count)), "{first:?}");
    shares.sort_by(f64::total_cmp);
    // Even between 0.08 and 1, but for the largest, of which those that are too long do not fit.
    assert!((0.4..0.55).contains(&shares[1000]) && shares[0] < 0.12 && shares[1999] > 0.9, "{}", shares[1000]);
}

#[test]
fn nothing_is_drawn_for_what_is_turned_off() {
    let none = edas::data::Augment::default();
    let mut stream = Stream::new(5, Purpose::AugmentTrain, 0);
    assert_eq!(none.draw((9, 9), (9, 9), &mut stream), Draw::NONE);
    assert_eq!(stream.uniform(), Stream::new(5, Purpose::AugmentTrain, 0).uniform());
}
