//! Tells two makings of a fixture file apart from two different files.
//!
//! Another processor adds in another order, so the last digits differ: by at most 3e-12 (f64) and 3e-6 (f32)
//! between PyTorch's AVX-512 and its plain kernels, most of it grown over the 20 whole iterations. The
//! bounds are above that, and in f64 below a tenth of what the tests allow.

use crate::failure::{Failure, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How far apart two F64 tensors may be: max|a − b| / max|b|.
const F64_BOUND: f64 = 1e-10;
/// The same for F32.
const F32_BOUND: f64 = 1e-5;
/// As many faults of a file are worth listing.
const FAULTS: usize = 10;

/// What there is to say about two files: in one line, or, where they differ, the faults.
type Comparison = Result<String, Vec<String>>;

/// Compares two files of one name.
///
/// Tensors must have the same names, types and shapes, and values within the bounds; JSON the same text, its
/// numbers apart by [`F64_BOUND`] at most; everything else the same bytes.
pub fn files(new: &Path, old: &Path) -> Result<Comparison> {
    let read = |path: &Path| fs::read(path).map_err(|error| Failure::io("read", path, &error));
    let (a, b) = (read(new)?, read(old)?);
    Ok(match new.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => tensors(&a, &b),
        Some("json") => numbers(&String::from_utf8_lossy(&a), &String::from_utf8_lossy(&b)),
        _ if a == b => Ok(format!("{} bytes, equal", a.len())),
        _ => Err(vec!["other bytes".to_owned()]),
    })
}

fn tensors(new: &[u8], old: &[u8]) -> Comparison {
    let unreadable = |error: safetensors::SafeTensorError| vec![format!("cannot be read: {error}")];
    let a = SafeTensors::deserialize(new).map_err(unreadable)?;
    let b = SafeTensors::deserialize(old).map_err(unreadable)?;
    let names: BTreeSet<&str> = a.names().into_iter().chain(b.names()).collect();
    let mut faults = Vec::new();
    let mut largest = BTreeMap::new();
    for name in &names {
        let (Ok(a), Ok(b)) = (a.tensor(name), b.tensor(name)) else {
            faults.push(format!("`{name}` is in one only"));
            continue;
        };
        if (a.dtype(), a.shape()) != (b.dtype(), b.shape()) {
            let (new, old) = (format!("{:?} {:?}", a.dtype(), a.shape()), format!("{:?} {:?}", b.dtype(), b.shape()));
            faults.push(format!("`{name}` is {new}, was {old}"));
            continue;
        }
        let distance = distance(&a, &b);
        if distance > bound(a.dtype()) {
            faults.push(format!("`{name}` is {distance:.1e} away, {:?} may be {:.0e}", a.dtype(), bound(a.dtype())));
        }
        let entry = largest.entry(format!("{:?}", a.dtype())).or_insert(0.0);
        *entry = f64::max(*entry, distance);
    }
    if faults.is_empty() {
        let largest: Vec<_> = largest.iter().map(|(dtype, distance)| format!("{distance:.1e} in {dtype}")).collect();
        return Ok(format!("{} tensors, largest difference {}", names.len(), largest.join(", ")));
    }
    Err(first(faults))
}

fn bound(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F64 => F64_BOUND,
        Dtype::F32 => F32_BOUND,
        _ => 0.0,
    }
}

/// max|a − b| / max|b|; infinite where that is undefined and the bytes are not equal.
fn distance(a: &TensorView, b: &TensorView) -> f64 {
    if a.data() == b.data() {
        return 0.0;
    }
    let (Some(a), Some(b)) = (values(a), values(b)) else { return f64::INFINITY };
    let mut difference = 0.0;
    let mut scale = 0.0;
    for (a, b) in a.iter().zip(&b) {
        if !(a - b).is_finite() {
            return f64::INFINITY;
        }
        difference = f64::max(difference, (a - b).abs());
        scale = f64::max(scale, b.abs());
    }
    // Zeros of two signs are equal; against a tensor of zeros any other difference is too large.
    if difference == 0.0 { 0.0 } else { difference / scale }
}

fn values(tensor: &TensorView) -> Option<Vec<f64>> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F64 => Some(data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
        Dtype::F32 => Some(data.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()),
        _ => None,
    }
}

/// Compares two JSON texts: equal but for numbers, and these nearly equal.
fn numbers(new: &str, old: &str) -> Comparison {
    let words = |text| str::split_inclusive(text, [',', ':', '[', ']', '{', '}', ' ', '\n']).collect::<Vec<_>>();
    let (a, b) = (words(new), words(old));
    if a.len() != b.len() {
        return Err(vec![format!("{} words, were {}", a.len(), b.len())]);
    }
    let mut faults = Vec::new();
    let mut largest = 0.0;
    for (a, b) in a.iter().zip(&b).filter(|(a, b)| a != b) {
        // A word ends with the sign that ended it; where only numbers differ, that is the same one.
        let number = |word: &str| word.trim_end_matches([',', ':', '[', ']', '{', '}', ' ', '\n']).parse::<f64>();
        let same_end = a.chars().next_back() == b.chars().next_back();
        let distance = match (number(a), number(b)) {
            (Ok(a), Ok(b)) if same_end => (a - b).abs() / b.abs(),
            _ => f64::INFINITY,
        };
        if distance <= F64_BOUND {
            largest = f64::max(largest, distance);
        } else {
            faults.push(format!("`{}`, was `{}`", a.trim(), b.trim()));
        }
    }
    if faults.is_empty() { Ok(format!("text equal, largest difference {largest:.1e}")) } else { Err(first(faults)) }
}

/// The first faults, and how many there are.
fn first(mut faults: Vec<String>) -> Vec<String> {
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(values: &[f64], name: &str) -> Vec<u8> {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = TensorView::new(Dtype::F64, vec![values.len()], &data).unwrap();
        safetensors::serialize([(name, tensor)], None).unwrap()
    }

    #[test]
    fn tensors_may_differ_a_little() {
        let base = file(&[1.0, 100.0], "a");
        assert!(tensors(&file(&[1.0 + 1e-10, 100.0], "a"), &base).is_ok());
        assert!(tensors(&file(&[1.0 + 1e-7, 100.0], "a"), &base).is_err());
        assert!(tensors(&file(&[1.0, f64::NAN], "a"), &base).is_err());
        assert!(tensors(&file(&[1.0, 100.0], "b"), &base).is_err());
        assert!(tensors(&file(&[1.0, 100.0, 0.0], "a"), &base).is_err());
        assert!(tensors(&file(&[0.0], "a"), &file(&[-0.0], "a")).is_ok());
        assert!(tensors(&file(&[1e-300], "a"), &file(&[0.0], "a")).is_err());
    }

    #[test]
    fn numbers_in_text_may_differ_a_little() {
        let base = "{\"norm\": 20.392955428264646, \"clipped\": true}";
        assert!(numbers("{\"norm\": 20.392955428264653, \"clipped\": true}", base).is_ok());
        assert!(numbers("{\"norm\": 20.3929, \"clipped\": true}", base).is_err());
        assert!(numbers("{\"norm\": 20.392955428264646, \"clipped\": false}", base).is_err());
        assert!(numbers("{\"norm\": 20.392955428264646], \"clipped\": true}", base).is_err());
    }
}
