//! The few loops over numbers that everything else waits for, compiled for any processor and once more for those with
//! vectors of 256 and of 512 bits. Which one runs is decided by the processor at run time.
//!
//! Every loop gives the same bits on every processor: sums are kept in a fixed number of lanes, and no multiplication
//! is fused with an addition.
//!
//! This is the one module with `unsafe`: a function compiled for a processor feature may only be called where the
//! feature is there, which the line before each call has just asked. `cargo bench -p bench --bench routers` measures what
//! it is worth, and Miri runs its tests.

/// Sums are kept in this many lanes.
const LANES: usize = 16;

/// Defines a function whose body is compiled for any processor, and again for AVX2 and for AVX-512.
macro_rules! dispatched {
    ($(#[$doc:meta])* pub(crate) fn $name:ident($($argument:ident: $type:ty),*) $(-> $output:ty)? $body:block) => {
        $(#[$doc])*
        #[inline]
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the feature has just been detected"))]
        pub(crate) fn $name($($argument: $type),*) $(-> $output)? {
            #[inline(always)]
            fn plain($($argument: $type),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $type),*) $(-> $output)? {
                    plain($($argument),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
                fn with_avx512($($argument: $type),*) $(-> $output)? {
                    plain($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: all that `with_avx512` asks for are the features just detected; `avx512f` is a part of
                    // `avx512bw`.
                    return unsafe { with_avx512($($argument),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: all that `with_avx2` asks for is AVX2, which has just been detected.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            plain($($argument),*)
        }
    };
}

dispatched! {
    /// Adds `scale` times `from` to `to`, as far as both go.
    pub(crate) fn add_scaled(to: &mut [f32], from: &[f32], scale: f32) {
        for (to, from) in to.iter_mut().zip(from) {
            *to += from * scale;
        }
    }
}

dispatched! {
    /// Adds `scale` times 8-bit `from` to `to`, as far as both go.
    pub(crate) fn add_scaled_bytes(to: &mut [f32], from: &[i8], scale: f32) {
        for (to, from) in to.iter_mut().zip(from) {
            *to += f32::from(*from) * scale;
        }
    }
}

dispatched! {
    /// The dot product, as far as both go.
    pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (a_blocks, a_rest) = a.as_chunks::<LANES>();
        let (b_blocks, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            for lane in 0..LANES {
                lanes[lane] += a[lane] * b[lane];
            }
        }
        for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
            lanes[lane] += a * b;
        }
        lanes.iter().sum()
    }
}

dispatched! {
    /// The dot product of 8-bit numbers and others that also fit 8 bits, as far as both go: exact up to a length of
    /// 100,000.
    pub(crate) fn dot_bytes(a: &[i8], b: &[i16]) -> i32 {
        a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 8.0).collect()
    }

    #[test]
    fn each_loop_is_what_it_says() {
        for count in [0, 1, 15, 16, 17, 100] {
            let (a, b) = (numbers(count), numbers(count + 3));
            let mut sum = a.clone();
            add_scaled(&mut sum, &b, 0.5);
            assert!(sum.iter().zip(&a).zip(&b).all(|((sum, a), b)| (sum - (a + b * 0.5)).abs() < 1e-9));
            let expected: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot(&a, &b[..count]) - expected).abs() < 1e-2);
            let bytes: Vec<i8> = a.iter().map(|a| (a * 8.0) as i8).collect();
            let exact: i32 = bytes.iter().map(|a| i32::from(*a) * i32::from(*a)).sum();
            let wide: Vec<i16> = bytes.iter().map(|byte| i16::from(*byte)).collect();
            assert_eq!(dot_bytes(&bytes, &wide), exact);
            let mut sum = a.clone();
            add_scaled_bytes(&mut sum, &bytes, 2.0);
            assert!(
                sum.iter()
                    .zip(&a)
                    .zip(&bytes)
                    .all(|((sum, a), b)| (sum - (a + f32::from(*b) * 2.0)).abs() < 1e-9)
            );
        }
    }
}
