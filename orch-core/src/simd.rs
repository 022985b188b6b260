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
pub(crate) const LANES: usize = 16;
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
    /// The sum.
    pub(crate) fn sum(numbers: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (blocks, rest) = numbers.as_chunks::<LANES>();
        for block in blocks {
            for (lane, number) in lanes.iter_mut().zip(block) {
                *lane += number;
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            *lane += number;
        }
        lanes.iter().sum()
    }
}

dispatched! {
    /// The largest of every sixteenth number, from the first, the second and so on; what is no number is passed over.
    pub(crate) fn lane_maxima(numbers: &[f32]) -> [f32; LANES] {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (blocks, rest) = numbers.as_chunks::<LANES>();
        for block in blocks {
            for (lane, number) in lanes.iter_mut().zip(block) {
                *lane = if *number > *lane { *number } else { *lane };
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            *lane = if *number > *lane { *number } else { *lane };
        }
        lanes
    }
}

dispatched! {
    /// Adds to `found` the places of the numbers that are not below `least`.
    pub(crate) fn at_least(numbers: &[f32], least: f32, found: &mut Vec<u32>) {
        let (blocks, rest) = numbers.as_chunks::<LANES>();
        for (block, numbers) in blocks.iter().enumerate() {
            let mut reached = 0_u32;
            for (lane, number) in numbers.iter().enumerate() {
                reached |= u32::from(*number >= least) << lane;
            }
            while reached != 0 {
                found.push((block * LANES) as u32 + reached.trailing_zeros());
                reached &= reached - 1;
            }
        }
        for (number, place) in rest.iter().zip(blocks.as_flattened().len() as u32..) {
            if *number >= least {
                found.push(place);
            }
        }
    }
}

/// The largest number; below all others where there is none.
pub(crate) fn largest(numbers: &[f32]) -> f32 {
    lane_maxima(numbers).into_iter().fold(f32::NEG_INFINITY, f32::max)
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
        let (blocks, rest) = numbers.as_chunks::<LANES>();
        for block in blocks {
            for (lane, number) in lanes.iter_mut().zip(block) {
                *lane = if number.abs() > *lane { number.abs() } else { *lane };
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            *lane = if number.abs() > *lane { number.abs() } else { *lane };
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

dispatched! {
    /// What [`quantise`] makes of `numbers` less `centre`, scaled to length 1, and with it the scale.
    pub(crate) fn quantise_centred(numbers: &[f32], centre: &[f32], bytes: &mut [i8]) -> f32 {
        let (mut most, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let (blocks, rest) = numbers.as_chunks::<LANES>();
        let (centre_blocks, centre_rest) = centre.as_chunks::<LANES>();
        for (block, centre) in blocks.iter().zip(centre_blocks) {
            for lane in 0..LANES {
                let away = (block[lane] - centre[lane]).abs();
                most[lane] = if away > most[lane] { away } else { most[lane] };
                squares[lane] += away * away;
            }
        }
        for (lane, (number, centre)) in rest.iter().zip(centre_rest).enumerate() {
            let away = (number - centre).abs();
            most[lane] = if away > most[lane] { away } else { most[lane] };
            squares[lane] += away * away;
        }
        let largest = most.iter().fold(0.0_f32, |largest, lane| largest.max(*lane));
        if largest == 0.0 {
            bytes.fill(0);
            return 0.0;
        }
        let steps = 127.0 / largest;
        for ((byte, number), centre) in bytes.iter_mut().zip(numbers).zip(centre) {
            *byte = ((number - centre) * steps + ROUNDING).to_bits() as i8;
        }
        largest / 127.0 / squares.iter().sum::<f32>().sqrt()
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
        __m512i, _mm_add_epi32, _mm_storeu_si128, _mm256_add_epi32, _mm256_castsi256_si128,
        _mm256_extracti128_si256, _mm512_add_epi32, _mm512_castsi512_si256, _mm512_dpbusd_epi32,
        _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64, _mm512_xor_si512,
    };

    const STRIDE: usize = 64;
    /// Rows whose products are made together, so that none waits for the one before.
    const TOGETHER: usize = 4;

    /// As [`dot_byte_rows`](super::dot_byte_rows). The instruction wants one side without signs: a row's numbers have
    /// 128 added, and the vector's sum times that is taken off.
    ///
    /// It has no closures: what they are given to is not compiled for these features, and would call them.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn dot_rows(matrix: &[i8], vector: &[i8], products: &mut [i32]) {
        let length = vector.len();
        let (blocks, rest) = vector.as_chunks::<STRIDE>();
        let mut over = 0;
        for number in blocks.as_flattened() {
            over += 128 * i32::from(*number);
        }
        let (groups, last) = products.as_chunks_mut::<TOGETHER>();
        let (rows, last_rows) = matrix.split_at((groups.len() * TOGETHER * length).min(matrix.len()));
        for (rows, products) in rows.chunks_exact(TOGETHER * length).zip(groups) {
            let (first, second) = rows.split_at(2 * length);
            let ((a, b), (c, d)) = (first.split_at(length), second.split_at(length));
            *products = dot_four([a, b, c, d], blocks);
            for product in &mut *products {
                *product -= over;
            }
            if !rest.is_empty() {
                for (row, product) in rows.chunks_exact(length).zip(products) {
                    *product += dot_rest(row, rest);
                }
            }
        }
        for (row, product) in last_rows.chunks_exact(length).zip(last) {
            let mut sum = _mm512_setzero_si512();
            for (row, vector) in row.as_chunks::<STRIDE>().0.iter().zip(blocks) {
                sum = add_products(sum, row, load(vector));
            }
            *product = _mm512_reduce_add_epi32(sum) + dot_rest(row, rest) - over;
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    #[expect(unsafe_code, reason = "a store of a whole block")]
    fn dot_four(rows: [&[i8]; TOGETHER], vector: &[[i8; STRIDE]]) -> [i32; TOGETHER] {
        let [a, b, c, d] = rows;
        let (a, b, c, d) = (a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
        let mut sums = [_mm512_setzero_si512(); TOGETHER];
        for ((((vector, a), b), c), d) in vector.iter().zip(a).zip(b).zip(c).zip(d) {
            let vector = load(vector);
            sums[0] = add_products(sums[0], a, vector);
            sums[1] = add_products(sums[1], b, vector);
            sums[2] = add_products(sums[2], c, vector);
            sums[3] = add_products(sums[3], d, vector);
        }
        // Transposed as it is added up: halves of pairs, then of fours, then of lanes.
        let [a, b, c, d] = sums;
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        let half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
        let quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
        let mut products = [0; TOGETHER];
        // SAFETY: there is place for the four numbers; no alignment is asked for.
        unsafe { _mm_storeu_si128(products.as_mut_ptr().cast(), quarter) };
        products
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    fn add_products(sum: __m512i, row: &[i8; STRIDE], vector: __m512i) -> __m512i {
        _mm512_dpbusd_epi32(sum, _mm512_xor_si512(load(row), _mm512_set1_epi8(i8::MIN)), vector)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    #[expect(unsafe_code, reason = "a load of a whole block")]
    fn load(block: &[i8; STRIDE]) -> __m512i {
        // SAFETY: these 64 bytes are there to be read; no alignment is asked for.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    /// What the numbers after the last whole block add.
    #[inline]
    fn dot_rest(row: &[i8], rest: &[i8]) -> i32 {
        let row = &row[row.len() - rest.len()..];
        row.iter().zip(rest).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
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
    fn sums_and_maxima_are_those_of_all_numbers() {
        for count in [0, 1, 16, 17, 150] {
            let numbers = numbers(count);
            assert!((sum(&numbers) - numbers.iter().sum::<f32>()).abs() < 1e-3);
            let most = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert!((largest(&numbers) - most).abs() < 1e-9 || count == 0 && largest(&numbers) < -f32::MAX);
            for (lane, found) in lane_maxima(&numbers).into_iter().enumerate() {
                let of_lane = numbers.iter().skip(lane).step_by(LANES).copied();
                assert_eq!(found.to_bits(), of_lane.fold(f32::NEG_INFINITY, f32::max).to_bits());
            }
        }
        assert!((largest(&[f32::NAN, -3.0]) + 3.0).abs() < f32::EPSILON);
        let mut found = Vec::new();
        let numbers: Vec<f32> = (0..37).map(|number| number as f32).collect();
        at_least(&numbers, 14.0, &mut found);
        assert_eq!(found, (14..37).collect::<Vec<u32>>());
    }

    #[test]
    fn quantised_once_centred_is_centred_scaled_and_quantised() {
        for count in [1, 16, 40, 384] {
            let (vector, centre) = (numbers(count + 1), numbers(count + 5));
            let (vector, centre) = (&vector[1..], &centre[5..]);
            let mut away: Vec<f32> = vector.iter().zip(centre).map(|(a, b)| a - b + 0.5).collect();
            let vector: Vec<f32> = vector.iter().map(|number| number + 0.5).collect();
            let length = dot(&away, &away).sqrt();
            away.iter_mut().for_each(|number| *number /= length);
            let (mut bytes, mut expected) = (vec![0; count], vec![0; count]);
            let scale = quantise_centred(&vector, centre, &mut bytes);
            assert!((scale - quantise(&away, &mut expected)).abs() < 1e-6);
            assert!(bytes.iter().zip(&expected).all(|(a, b)| (i32::from(*a) - i32::from(*b)).abs() <= 1));
            assert!(
                quantise_centred(centre, centre, &mut bytes).abs() < 1e-9 && bytes.iter().all(|b| *b == 0)
            );
        }
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
            // More rows than are multiplied together, and some that are left.
            let rows: Vec<Vec<i8>> =
                (1..=6).map(|divisor| bytes.iter().map(|number| number / divisor).collect()).collect();
            let product =
                |row: &Vec<i8>| row.iter().zip(&bytes).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            let exact: Vec<i32> = rows.iter().map(product).collect();
            for dot in [dot_byte_rows, dot_wide_rows] {
                let mut products = [0; 6];
                dot(&rows.concat(), &bytes, &mut products);
                assert_eq!(products, *exact);
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
