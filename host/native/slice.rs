//! The numbers of tensors as slices.

use tch::{Device, Kind, Tensor};

/// Where a tensor's numbers begin.
pub fn address(tensor: &Tensor) -> *mut f32 {
    tensor.data_ptr().cast()
}

/// Whether a tensor's numbers lie on the host in the order of its sizes.
pub fn is_plain(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
}

/// The numbers of a tensor.
///
/// # Panics
/// Where they do not lie on the host in the order of its sizes, or are not f32.
pub fn numbers(tensor: &Tensor) -> &[f32] {
    assert!(is_plain(tensor), "a tensor whose numbers are elsewhere");
    if tensor.numel() == 0 {
        // It has no address.
        return &[];
    }
    // SAFETY: the tensor holds as many numbers, one after the other, and outlives the slice; whoever writes to a tensor's memory has
    // it as `numbers_mut`, or calls libtorch, which needs the tensor, too.
    unsafe { std::slice::from_raw_parts(address(tensor), tensor.numel()) }
}

/// The numbers of a tensor, to be written.
///
/// # Panics
/// As [`numbers`].
pub fn numbers_mut(tensor: &mut Tensor) -> &mut [f32] {
    assert!(is_plain(tensor), "a tensor whose numbers are elsewhere");
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: as in `numbers`; the tensor is borrowed for writing.
    unsafe { std::slice::from_raw_parts_mut(address(tensor), tensor.numel()) }
}
