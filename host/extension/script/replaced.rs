//! Functions of the engine's packages that are replaced, because they can panic, allocate without a bound, or hide errors.
//!
//! - Sorting with a comparison of the script's own went through the standard library's sort, which panics where the comparison
//!   contradicts itself, and dropped its errors, those that stop a script among them.
//! - Sorting numbers panicked likewise where one of them is not a number.
//! - `pad` multiplied the sizes of what it repeats, and could overflow; `replace` made texts of any length.

use super::mathematics::compare;
use super::raise;
use crate::error::Error;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, INT, ImmutableString, NativeCallContext, Position};
use std::cmp::Ordering;

type Raised<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    for name in ["sort", "sort_by"] {
        engine.register_fn(name, |context: NativeCallContext, array: &mut Array, by: FnPtr| {
            sort(array, |a, b| compare_by(&context, &by, a, b))
        });
        engine.register_fn(name, |context: NativeCallContext, array: &mut Array, by: &str| {
            let by = FnPtr::new(by)?;
            sort(array, |a, b| compare_by(&context, &by, a, b))
        });
    }
    for name in ["order", "order_by"] {
        engine.register_fn(name, |context: NativeCallContext, array: &mut Array, by: FnPtr| {
            let mut array = array.clone();
            sort(&mut array, |a, b| compare_by(&context, &by, a, b))?;
            Ok::<_, Box<EvalAltResult>>(array)
        });
    }
    engine.register_fn("sort", |array: &mut Array| sort(array, in_order));
    engine.register_fn("sort_desc", |array: &mut Array| sort(array, |a, b| in_order(b, a)));
    engine.register_fn("order", |array: &mut Array| -> Raised<Array> {
        let mut array = array.clone();
        sort(&mut array, in_order).map(|()| array)
    });
    engine.register_fn("order_desc", |array: &mut Array| -> Raised<Array> {
        let mut array = array.clone();
        sort(&mut array, |a, b| in_order(b, a)).map(|()| array)
    });
    engine.register_fn("pad", pad);
    engine.register_fn("replace", |c: NativeCallContext, text: &mut ImmutableString, find: &str, with: &str| {
        replace(&c, text, find, with)
    });
    engine.register_fn("replace", |c: NativeCallContext, text: &mut ImmutableString, find: char, with: &str| {
        replace(&c, text, find.encode_utf8(&mut [0; 4]), with)
    });
    engine.register_fn("replace", |c: NativeCallContext, text: &mut ImmutableString, find: &str, with: char| {
        replace(&c, text, find, with.encode_utf8(&mut [0; 4]))
    });
}

/// Sorts by merging, so that equal items keep their order and a comparison that contradicts itself does no harm. With an error
/// the array stays as it was.
fn sort(array: &mut Array, mut order: impl FnMut(&Dynamic, &Dynamic) -> Raised<Ordering>) -> Raised<()> {
    let mut from: Vec<usize> = (0..array.len()).collect();
    let mut to = from.clone();
    let mut width = 1;
    while width < from.len() {
        for start in (0..from.len()).step_by(2 * width) {
            let (middle, end) = ((start + width).min(from.len()), (start + 2 * width).min(from.len()));
            let (mut left, mut right) = (start, middle);
            for slot in &mut to[start..end] {
                let take_left = right == end
                    || (left < middle && order(&array[from[left]], &array[from[right]])? != Ordering::Greater);
                let taken = if take_left { &mut left } else { &mut right };
                *slot = from[*taken];
                *taken += 1;
            }
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    let sorted = from.into_iter().map(|k| std::mem::take(&mut array[k])).collect();
    *array = sorted;
    Ok(())
}

/// What a script's comparison says: a number below, at or above 0, or whether the first comes before the second.
fn compare_by(context: &NativeCallContext, by: &FnPtr, a: &Dynamic, b: &Dynamic) -> Raised<Ordering> {
    let ask = |a: &Dynamic, b: &Dynamic| by.call_raw(context, None, [a.clone(), b.clone()]);
    let answer = ask(a, b)?;
    if let Ok(number) = answer.as_int() {
        return Ok(number.cmp(&0));
    }
    if let Ok(number) = answer.as_float() {
        return Ok(number.partial_cmp(&0.0).unwrap_or(Ordering::Equal));
    }
    match (answer.as_bool(), || ask(b, a)) {
        (Ok(true), _) => Ok(Ordering::Less),
        (Ok(false), other) => Ok(if other()?.as_bool() == Ok(true) { Ordering::Greater } else { Ordering::Equal }),
        _ => Err(raise(
            Error::new("a comparison returned something else")
                .expected("a number below, at or above 0, or whether the first comes before the second")
                .found(format!("a value of type {}", context.engine().map_type_name(answer.type_name()))),
        )),
    }
}

/// The order of numbers (what is not a number last), texts, characters and truth values.
fn in_order(a: &Dynamic, b: &Dynamic) -> Raised<Ordering> {
    let float = |v: &Dynamic| v.as_float().ok();
    let int = |v: &Dynamic| v.as_int().ok();
    let numbers = |order: Option<Ordering>, a_is_nan: bool, b_is_nan: bool| order.unwrap_or(a_is_nan.cmp(&b_is_nan));
    if let (Some(a), Some(b)) = (int(a), int(b)) {
        return Ok(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (float(a), float(b)) {
        return Ok(numbers(a.partial_cmp(&b), a.is_nan(), b.is_nan()));
    }
    if let (Some(a), Some(b)) = (int(a), float(b)) {
        return Ok(numbers(compare(a, b), false, b.is_nan()));
    }
    if let (Some(a), Some(b)) = (float(a), int(b)) {
        return Ok(numbers(compare(b, a).map(Ordering::reverse), a.is_nan(), false));
    }
    if let (Some(a), Some(b)) = (a.read_lock::<ImmutableString>(), b.read_lock::<ImmutableString>()) {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a.cmp(&b));
    }
    if a.is_unit() && b.is_unit() {
        return Ok(Ordering::Equal);
    }
    Err(raise(
        Error::new("these have no order of their own")
            .expected("an array of numbers, of texts, of characters or of truth values")
            .found(format!("values of type {} and {}", a.type_name(), b.type_name()))
            .help("say how to compare them: list.sort(|a, b| a.x < b.x)"),
    ))
}

/// Lengthens an array with copies of an item.
fn pad(context: NativeCallContext, array: &mut Array, length: INT, item: Dynamic) -> Raised<()> {
    let length = usize::try_from(length).unwrap_or(0);
    if length <= array.len() {
        return Ok(());
    }
    if length > context.engine().max_array_size() {
        return Err(too_large("Size of array"));
    }
    // One entry at a time: the limits hold for what lies in the items, too, and are checked between them.
    let more = length - array.len();
    context.engine().ensure_data_size_within_limits(&item)?;
    let (arrays, maps, texts) = sizes(&item);
    let fits = |size: usize, limit: usize| size.checked_mul(more).is_some_and(|size| size <= limit);
    if !fits(arrays, context.engine().max_array_size()) {
        return Err(too_large("Size of array"));
    }
    if !fits(maps, context.engine().max_map_size()) {
        return Err(too_large("Size of object map"));
    }
    if !fits(texts, context.engine().max_string_size()) {
        return Err(too_large("Length of string"));
    }
    array.resize(length, item);
    Ok(())
}

/// Entries of arrays, keys of maps and bytes of texts in a value.
fn sizes(value: &Dynamic) -> (usize, usize, usize) {
    let sum = |parts: &mut dyn Iterator<Item = &Dynamic>| {
        parts.map(sizes).fold((0, 0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2))
    };
    if let Some(text) = value.read_lock::<ImmutableString>() {
        (0, 0, text.len())
    } else if let Some(array) = value.read_lock::<Array>() {
        let (arrays, maps, texts) = sum(&mut array.iter());
        (arrays + array.len(), maps, texts)
    } else if let Some(map) = value.read_lock::<rhai::Map>() {
        let (arrays, maps, texts) = sum(&mut map.values());
        (arrays, maps + map.len(), texts)
    } else {
        (0, 0, 0)
    }
}

fn replace(context: &NativeCallContext, text: &mut ImmutableString, find: &str, with: &str) -> Raised<()> {
    let found = text.matches(find).count();
    let length = found.checked_mul(with.len()).and_then(|added| added.checked_add(text.len() - found * find.len()));
    if length.is_none_or(|length| length > context.engine().max_string_size()) {
        return Err(too_large("Length of string"));
    }
    *text = text.replace(find, with).into();
    Ok(())
}

fn too_large(what: &str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::FLOAT;

    /// A comparison that contradicts itself sorts in some way and takes no more than n log n questions.
    #[test]
    fn a_comparison_that_contradicts_itself() {
        let mut asked = 0;
        let mut array: Array = (0..100).map(|n: INT| Dynamic::from_int((n * 37) % 100)).collect();
        let result = sort(&mut array, |_, _| {
            asked += 1;
            Ok(if asked % 3 == 0 { Ordering::Less } else { Ordering::Greater })
        });
        assert!(result.is_ok() && asked < 700, "{asked}");
        let mut numbers: Vec<INT> = array.iter().filter_map(|v| v.as_int().ok()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<INT>>());
    }

    #[test]
    fn numbers_of_both_kinds_have_one_order() {
        let not = FLOAT::NAN;
        let mut array: Array = [2.5, not, FLOAT::NEG_INFINITY, FLOAT::INFINITY].map(Dynamic::from_float).to_vec();
        array.insert(1, Dynamic::from_int(2));
        assert!(sort(&mut array, in_order).is_ok());
        let shown: Vec<String> = array.iter().map(ToString::to_string).collect();
        assert_eq!(shown[..4], ["-inf", "2", "2.5", "inf"]);
        assert!(array[4].as_float().is_ok_and(FLOAT::is_nan));
    }
}
