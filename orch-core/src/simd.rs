//! The few loops over numbers that everything else waits for, compiled for any processor and once more for those with
//! vectors of 256 and of 512 bits. Which one runs is decided by the processor at run time.
//!
//! Every loop gives the same bits on every processor: sums are kept in a fixed number of lanes, and no multiplication
//! is fused with an addition.
//!
//! This is the one module with `unsafe`: a function compiled for a processor feature may only be called where the
//! feature is there, which the line before each call has just asked. Beside that, blocks are loaded whole for one
//! instruction, and memory is asked for early. `cargo bench -p bench --bench routers` measures what
//! it is worth, and Miri runs its tests.

/// Sums are kept in this many lanes.
const LANES: usize = 16;
/// Adding this to a number that is not large leaves the nearest integer in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;

/// A row of a matrix that begins where a line of the processor's cache does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct Row<const N: usize>(pub(crate) [f32; N]);

/// Defines a function whose body is compiled for any processor, and again for AVX2 and for AVX-512.
macro_rules! dispatched {
    ($(#[$doc:meta])*
     pub(crate) fn $name:ident$(<const $n:ident: usize>)?($($argument:ident: $type:ty),*) $(-> $output:ty)?
     $body:block) => {
        $(#[$doc])*
        #[inline]
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the feature has just been detected"))]
        pub(crate) fn $name$(<const $n: usize>)?($($argument: $type),*) $(-> $output)? {
            #[inline(always)]
            fn plain$(<const $n: usize>)?($($argument: $type),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2$(<const $n: usize>)?($($argument: $type),*) $(-> $output)? {
                    plain($($argument),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
                fn with_avx512$(<const $n: usize>)?($($argument: $type),*) $(-> $output)? {
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
    /// Adds to `to` rows of a matrix, each times a number: their places, and the numbers.
    pub(crate) fn add_rows<const N: usize>(to: &mut [f32; N], matrix: &[Row<N>], rows: &[(u32, f32)]) {
        for (row, scale) in rows {
            for (to, from) in to.iter_mut().zip(&matrix[*row as usize].0) {
                *to += from * scale;
            }
        }
    }
}

dispatched! {
    /// Adds `from` to rows of a matrix, each time times a number: their places, and the numbers.
    pub(crate) fn add_to_rows<const N: usize>(matrix: &mut [Row<N>], from: &[f32; N], rows: &[(u32, f32)]) {
        for (row, scale) in rows {
            for (to, from) in matrix[*row as usize].0.iter_mut().zip(from) {
                *to += from * scale;
            }
        }
    }
}

dispatched! {
    /// Adds to `to` rows of a matrix of 8-bit numbers, each times a number: their places, and the numbers.
    pub(crate) fn add_byte_rows<const N: usize>(to: &mut [f32; N], matrix: &[[i8; N]], rows: &[(u32, f32)]) {
        for (row, scale) in rows {
            for (to, from) in to.iter_mut().zip(&matrix[*row as usize]) {
                *to += f32::from(*from) * scale;
            }
        }
    }
}

/// What [`add_byte_slices`] adds at once, and a multiple of which its slices are long.
pub(crate) const SLICE: usize = 16;

dispatched! {
    /// Adds slices of 8-bit numbers to one as long, each times a number: where they begin, and the numbers.
    pub(crate) fn add_byte_slices(to: &mut [f32], numbers: &[i8], slices: &[(u32, f32)]) {
        for (block, to) in to.as_chunks_mut::<SLICE>().0.iter_mut().enumerate() {
            let mut sum = *to;
            for (start, scale) in slices {
                let from = &numbers[*start as usize + block * SLICE..][..SLICE];
                for (sum, from) in sum.iter_mut().zip(from) {
                    *sum += f32::from(*from) * scale;
                }
            }
            *to = sum;
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
    /// The exponential of each number, within 2 in 10 million of it; of numbers below -87, that of -87.
    ///
    /// A power of two times a polynomial for what is left, as in Moshier's Cephes library (`expf`).
    pub(crate) fn exponentials(numbers: &mut [f32]) {
        for number in numbers {
            let x = if *number < -87.0 { -87.0 } else { *number };
            let x = if x > 88.0 { 88.0 } else { x };
            let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
            let whole = shifted - ROUNDING;
            let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
            let mut sum = 1.987_569_1e-4;
            for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
                sum = sum * rest + coefficient;
            }
            let power = shifted.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127) << 23;
            *number = (sum * rest * rest + rest + 1.0) * f32::from_bits(power);
        }
    }
}

dispatched! {
    /// Numbers as integers from -127 to 127, as many as there is place for, and what those are multiplied with.
    pub(crate) fn quantise(numbers: &[f32], bytes: &mut [i8]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        for block in numbers.chunks(LANES) {
            for (lane, number) in lanes.iter_mut().zip(block) {
                *lane = if number.abs() > *lane { number.abs() } else { *lane };
            }
        }
        let largest = lanes.iter().fold(0.0_f32, |largest, lane| largest.max(*lane));
        if largest == 0.0 {
            bytes.fill(0);
            return 0.0;
        }
        let steps = 127.0 / largest;
        for (byte, number) in bytes.iter_mut().zip(numbers) {
            *byte = (number * steps + ROUNDING).to_bits() as i8;
        }
        largest / 127.0
    }
}

/// The dot product of each row of a matrix of 8-bit numbers and a vector of them, as long as a row: exact up to a length
/// of 100,000.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the features have just been detected"))]
pub(crate) fn dot_byte_rows(matrix: &[i8], vector: &[i8], products: &mut [i32]) {
    if vector.is_empty() {
        return products.fill(0);
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512vnni") && std::arch::is_x86_feature_detected!("avx512bw") {
        // SAFETY: all that `vnni::dot_rows` asks for are the features just detected.
        return unsafe { vnni::dot_rows(matrix, vector, products) };
    }
    dot_wide_rows(matrix, vector, products);
}

dispatched! {
    /// As [`dot_byte_rows`].
    pub(crate) fn dot_wide_rows(matrix: &[i8], vector: &[i8], products: &mut [i32]) {
        // Widened once, and not again for each row.
        let vector: Vec<i16> = vector.iter().map(|number| i16::from(*number)).collect();
        for (row, product) in matrix.chunks_exact(vector.len()).zip(products) {
            *product = row.iter().zip(&vector).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        }
    }
}

/// The instruction that multiplies 64 bytes and adds them up, which the compiler does not choose by itself.
#[cfg(target_arch = "x86_64")]
mod vnni {
    use std::arch::x86_64::{
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_xor_si512,
    };

    const STRIDE: usize = 64;

    /// As [`dot_byte_rows`](super::dot_byte_rows). The instruction wants one side without signs: a row's numbers have
    /// 128 added, and the vector's sum times that is taken off.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[expect(unsafe_code, reason = "loads of whole blocks")]
    pub(super) fn dot_rows(matrix: &[i8], vector: &[i8], products: &mut [i32]) {
        let (blocks, rest) = vector.as_chunks::<STRIDE>();
        let over = 128 * blocks.as_flattened().iter().map(|number| i32::from(*number)).sum::<i32>();
        let flip = _mm512_set1_epi8(i8::MIN);
        for (row, product) in matrix.chunks_exact(vector.len()).zip(products) {
            let (row_blocks, row_rest) = row.as_chunks::<STRIDE>();
            let mut sum = _mm512_setzero_si512();
            for (row, vector) in row_blocks.iter().zip(blocks) {
                // SAFETY: both point to 64 bytes that are there to be read; no alignment is asked for.
                let (row, vector) = unsafe {
                    (_mm512_loadu_si512(row.as_ptr().cast()), _mm512_loadu_si512(vector.as_ptr().cast()))
                };
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(row, flip), vector);
            }
            let rest = row_rest.iter().zip(rest).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
            *product = _mm512_reduce_add_epi32(sum) - over + rest;
        }
    }
}

/// Tells the processor that these will be read soon, so that many of them come from memory at the same time. Without it,
/// each waits for the one before, as what is done with it depends on what it is.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a hint"))]
pub(crate) fn prefetch<T>(soon: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in soon.chunks(64 / size_of::<T>().clamp(1, 64)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it reads nothing and changes nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = soon;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 8.0).collect()
    }

    #[test]
    fn exponentials_are_exponentials() {
        // An interpreter takes its time.
        let step = if cfg!(miri) { 97 } else { 1 };
        let exact: Vec<f32> = (-8_700..8_800).step_by(step).map(|number| number as f32 / 100.0).collect();
        prefetch(&exact);
        let mut found = exact.clone();
        exponentials(&mut found);
        for (x, found) in exact.iter().zip(&found) {
            let expected = f64::from(*x).exp();
            assert!((f64::from(*found) - expected).abs() <= 2e-7 * expected, "{x}: {found} {expected}");
        }
        let mut ends = [f32::NEG_INFINITY, -1e9, f32::INFINITY, f32::NAN];
        exponentials(&mut ends);
        assert!(ends[0] < 1e-37 && ends[1] < 1e-37 && ends[2] > 1e38 && ends[3].is_nan());
    }

    #[test]
    fn each_loop_is_what_it_says() {
        for count in [1, 15, 16, 17, 64, 100, 200] {
            let (a, b) = (numbers(count), numbers(count + 3));
            let mut sum = a.clone();
            add_scaled(&mut sum, &b, 0.5);
            assert!(sum.iter().zip(&a).zip(&b).all(|((sum, a), b)| (sum - (a + b * 0.5)).abs() < 1e-9));
            let expected: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot(&a, &b[..count]) - expected).abs() < 1e-2);
            let bytes: Vec<i8> = a.iter().map(|a| (a * 8.0) as i8).collect();
            let exact: i32 = bytes.iter().map(|a| i32::from(*a) * i32::from(*a)).sum();
            let mut products = [0; 2];
            let matrix = [bytes.as_slice(), &bytes].concat();
            for dot in [dot_byte_rows, dot_wide_rows] {
                dot(&matrix, &bytes, &mut products);
                assert_eq!(products, [exact; 2]);
            }
            let long = vec![a[0]; 2 * SLICE];
            let slices: Vec<i8> = (0..3 * SLICE).map(|i| bytes[i % count]).collect();
            let mut sums = long.clone();
            add_byte_slices(&mut sums, &slices, &[(1, 0.5), (SLICE as u32, -2.0)]);
            for (i, sum) in sums.iter().enumerate() {
                let expected = long[i] + f32::from(slices[1 + i]) * 0.5 - f32::from(slices[SLICE + i]) * 2.0;
                assert!((sum - expected).abs() < 1e-3, "{i}: {sum} against {expected}");
            }
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
