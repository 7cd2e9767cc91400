//! Kernels over raw numbers, channels last; they know nothing of networks.

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
