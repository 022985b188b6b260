//! The router's file.
//!
//! ```text
//! "ORCHROUT"  u32 version  u64 length  payload of that length  u64 checksum of the payload
//! payload: u32 routes, each u32 length and UTF-8; f32 slope, f32 none, f64 threshold;
//!          u32 features, f32 word weight, u32 hash[features], f32 rarity[features], f32 scale[features];
//!          f32 bias[routes]; i8 weights[features * routes]
//! ```
//!
//! Numbers are little-endian. The checksum is 64-bit FNV-1a.

use crate::router::Label;

use super::Learned;
use super::calibration::Calibration;
use super::model::{Model, Vocabulary};

const MAGIC: &[u8; 8] = b"ORCHROUT";
const VERSION: u32 = 1;

pub(super) fn write<R: Label>(router: &Learned<R>) -> Vec<u8> {
    let Learned { routes, model, calibration } = router;
    let mut payload = Vec::with_capacity(model.weights.len() + model.vocabulary.len() * 12 + 1_024);
    put_count(&mut payload, routes.len());
    for route in routes {
        put_count(&mut payload, route.label().len());
        payload.extend_from_slice(route.label().as_bytes());
    }
    payload.extend_from_slice(&calibration.slope.to_le_bytes());
    payload.extend_from_slice(&calibration.none.to_le_bytes());
    payload.extend_from_slice(&calibration.threshold.to_le_bytes());
    put_count(&mut payload, model.vocabulary.len());
    payload.extend_from_slice(&model.vocabulary.word_weight.to_le_bytes());
    payload.extend(model.vocabulary.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    for floats in [&model.vocabulary.rarity, &model.scales, &model.bias] {
        payload.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
    }
    payload.extend(model.weights.iter().map(|weight| weight.cast_unsigned()));

    let mut bytes = Vec::with_capacity(payload.len() + 28);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes.extend_from_slice(&checksum(&payload).to_le_bytes());
    bytes
}

/// The router, or what is wrong with the file and what to do.
pub(super) fn read<R: Label>(bytes: &[u8]) -> Result<Learned<R>, String> {
    let mut header = Reader { rest: bytes, length: bytes.len() };
    if header.take(8).ok() != Some(MAGIC.as_slice()) {
        return Err(
            "this is not a router file: it does not begin with `ORCHROUT`; make one with `cargo orch fit`"
                .to_owned(),
        );
    }
    let version = header.u32()?;
    if version != VERSION {
        return Err(format!(
            "this router file has version {version}, and this program reads version {VERSION}; fit it again"
        ));
    }
    let length = usize::try_from(header.u64()?).unwrap_or(usize::MAX);
    let payload = header.take(length)?;
    let expected = header.u64()?;
    if !header.rest.is_empty() {
        return Err(format!(
            "this router file goes on for {} bytes after its end; copy or fit it again",
            header.rest.len()
        ));
    }
    if checksum(payload) != expected {
        return Err(
            "this router file is damaged: its checksum does not match; copy or fit it again".to_owned()
        );
    }
    body(&mut Reader { rest: payload, length: bytes.len() })
}

fn body<R: Label>(reader: &mut Reader<'_>) -> Result<Learned<R>, String> {
    let count = reader.count(4)?;
    let mut routes = Vec::with_capacity(count);
    for _ in 0..count {
        let length = reader.count(1)?;
        let label = std::str::from_utf8(reader.take(length)?)
            .map_err(|_| "a route's name is not UTF-8".to_owned())?;
        let route = R::from_label(label).ok_or_else(|| {
            format!("this router file has the route `{label}`, which the program does not; fit it again")
        })?;
        routes.push(route);
    }
    if routes.len() < 2 {
        return Err("this router file has fewer than two routes; fit it again".to_owned());
    }
    let calibration = Calibration { slope: reader.f32()?, none: reader.f32()?, threshold: reader.f64()? };
    let features = reader.count(12)?;
    let word_weight = reader.f32()?;
    let hashes = (0..features).map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
    let rarity = reader.floats(features)?;
    let scales = reader.floats(features)?;
    let bias = reader.floats(routes.len())?;
    let sound = hashes.is_sorted_by(|a, b| a < b)
        && [&rarity, &scales, &bias].iter().all(|floats| floats.iter().all(|float| float.is_finite()))
        && calibration.slope.is_finite()
        && word_weight.is_finite()
        && calibration.none < f32::INFINITY
        && (0.0..=1.0).contains(&calibration.threshold);
    if !sound {
        return Err("this router file has numbers that make no sense; fit it again".to_owned());
    }
    let size = features.checked_mul(routes.len()).ok_or("this router file claims to be impossibly large")?;
    let weights = reader.take(size)?.iter().map(|byte| byte.cast_signed()).collect();
    let vocabulary = Vocabulary::new(hashes, rarity, word_weight);
    Ok(Learned { routes, model: Model { vocabulary, weights, scales, bias }, calibration })
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&(count as u32).to_le_bytes());
}

/// 64-bit FNV-1a (Fowler, Noll, Vo).
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| {
            format!("this router file is cut short at {} bytes; copy or fit it again", self.length)
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "this router file is cut short".to_owned())
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, String> {
        self.array().map(f32::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64, String> {
        self.array().map(f64::from_le_bytes)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, String> {
        (0..count).map(|_| self.f32()).collect()
    }

    /// A count of things that take at least `size` bytes each: never more than the file can hold.
    fn count(&mut self, size: usize) -> Result<usize, String> {
        let count = self.u32()? as usize;
        if count > self.rest.len() / size {
            return Err(format!(
                "this router file is cut short at {} bytes; copy or fit it again",
                self.length
            ));
        }
        Ok(count)
    }
}
