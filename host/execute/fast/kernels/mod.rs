//! Kernels over raw numbers, channels last; they know nothing of networks.
#![allow(
    clippy::needless_range_loop,
    clippy::too_many_arguments,
    reason = "lanes of several arrays go together, and maps have strides"
)]

pub mod combine;
pub mod convolution;
pub mod depthwise;
pub mod gemm;
pub mod map;
pub mod pool;
pub mod pooling;
pub mod rows;
pub mod simd;
pub mod window;
pub mod work;
