//! What a layer makes of its inputs' shapes; a shape that does not fit is an error.

use super::layer::{Layer, Pair, Window};
use super::{Shape, shape_text};
use crate::error::{Error, Result};

fn map<'a>(layer: &Layer, shape: &'a [i64]) -> Result<&'a [i64; 3]> {
    shape.try_into().map_err(|_| {
        Error::new(format!("layer `{layer}` needs a feature map"))
            .expected("channels×height×width")
            .found(shape_text(shape))
    })
}

/// The size of one side after a window has moved over it; `None` where the window is larger than the padded side.
fn windowed(size: i64, kernel: i64, stride: i64, padding: i64, dilation: i64) -> Option<i64> {
    let room = size + 2 * padding - dilation * (kernel - 1) - 1;
    (room >= 0).then(|| room / stride + 1)
}

fn slide(layer: &Layer, [_, height, width]: &[i64; 3], w: &Window, dilation: Pair, channels: i64) -> Result<Shape> {
    let side = |i: usize, size| windowed(size, w.kernel[i], w.stride[i], w.padding[i], dilation[i]);
    match (side(0, *height), side(1, *width)) {
        (Some(h), Some(w)) => Ok(vec![channels, h, w]),
        _ => Err(Error::new(format!("the window of layer `{layer}` is larger than its input"))
            .found(format!("an input of {height}×{width}"))
            .help("use a smaller kernel or a larger padding")),
    }
}

fn broadcast(layer: &Layer, a: &[i64], b: &[i64]) -> Result<Shape> {
    let fits = a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y || *x == 1 || *y == 1);
    if !fits {
        return Err(Error::new(format!("the inputs of layer `{layer}` do not fit together"))
            .expected("equal sizes, or 1")
            .found(format!("{} and {}", shape_text(a), shape_text(b))));
    }
    Ok(a.iter().zip(b).map(|(x, y)| *x.max(y)).collect())
}

/// The shape of a layer's output.
///
/// # Errors
/// Where the number of inputs or their shapes do not fit the layer.
pub fn infer(layer: &Layer, inputs: &[&[i64]]) -> Result<Shape> {
    let (least, most) = layer.arity();
    if inputs.len() < least || inputs.len() > most {
        return Err(Error::new(format!("layer `{layer}` got the wrong number of inputs"))
            .expected(if least == most { least.to_string() } else { format!("at least {least}") })
            .found(inputs.len().to_string()));
    }
    match layer {
        Layer::Activation(_) | Layer::Scale { .. } => Ok(inputs[0].to_vec()),
        Layer::BatchNorm { .. } => Ok(map(layer, inputs[0])?.to_vec()),
        Layer::Conv { channels, window, dilation, groups, .. } => {
            let input = map(layer, inputs[0])?;
            if input[0] % groups != 0 || channels % groups != 0 {
                return Err(Error::new(format!("the groups of layer `{layer}` do not divide its channels"))
                    .expected(format!("channels that are multiples of {groups}"))
                    .found(format!("{} in, {channels} out", input[0])));
            }
            slide(layer, input, window, *dilation, *channels)
        }
        Layer::MaxPool(window) | Layer::AvgPool(window) => {
            let input = map(layer, inputs[0])?;
            if (0..2).any(|i| window.padding[i] * 2 > window.kernel[i]) {
                return Err(Error::new(format!("the padding of layer `{layer}` is too large"))
                    .expected("at most half of the kernel"));
            }
            slide(layer, input, window, [1, 1], input[0])
        }
        Layer::GlobalAvgPool => Ok(vec![map(layer, inputs[0])?[0], 1, 1]),
        Layer::Linear { features, .. } => Ok(vec![*features]),
        Layer::Add | Layer::Mul => broadcast(layer, inputs[0], inputs[1]),
        Layer::Concat => {
            let first = map(layer, inputs[0])?;
            let mut channels = 0;
            for input in inputs {
                let input = map(layer, input)?;
                if input[1..] != first[1..] {
                    return Err(Error::new("the inputs of layer `concat` differ in height or width")
                        .expected(shape_text(&first[1..]))
                        .found(shape_text(&input[1..])));
                }
                channels += input[0];
            }
            Ok(vec![channels, first[1], first[2]])
        }
        Layer::Narrow { start, length } => {
            let [channels, height, width] = *map(layer, inputs[0])?;
            if *start < 0 || start.saturating_add(*length) > channels {
                return Err(Error::new(format!("layer `{layer}` reaches beyond its input"))
                    .expected(format!("channels within 0..{channels}"))
                    .found(format!("{length} from {start} on")));
            }
            Ok(vec![*length, height, width])
        }
        Layer::Pad { top, left, bottom, right } => {
            let [channels, height, width] = *map(layer, inputs[0])?;
            let (height, width) = (height + top + bottom, width + left + right);
            if height < 1 || width < 1 {
                return Err(Error::new(format!("layer `{layer}` leaves nothing of its input")));
            }
            Ok(vec![channels, height, width])
        }
        Layer::Zero { channels, stride } => {
            let [_, height, width] = *map(layer, inputs[0])?;
            let shrink = |size: i64| (size + stride - 1) / stride;
            Ok(vec![*channels, shrink(height), shrink(width)])
        }
        Layer::Tensor { .. } | Layer::Aten(_) | Layer::Kernel(_) | Layer::Native(_) => {
            Err(Error::new(format!("the shape of layer `{layer}` is declared, not inferred")))
        }
    }
}
