//! The router's file.
//!
//! ```text
//! "ORCHROUT"  u32 version  u64 length  payload of that length  u64 checksum of the payload
//! payload: u32 routes, each u32 length and UTF-8;
//!          f32 slope[2]; u8 1 and f32 sign[4], or u8 0; f64 threshold;
//!          u32 features, u32 hash[features], f32 rarity[features], f32 rarity of what is unknown, f32 weight[3];
//!          u16 count[features], f32 scale[features], i8 weight[sum of counts],
//!          u16 route[sum of counts of rows that are not full], f32 bias[routes];
//!          u32 inputs, u32 input[features], f32 scale[inputs], i8 weight[inputs * 128], f32 bias[128],
//!          f32 scale[routes], i8 weight[routes * 128], f32 bias[routes]
//! ```
//!
//! Numbers are little-endian. The checksum is 64-bit FNV-1a.

use crate::router::Label;

use super::Learned;
use super::calibration::Calibration;
use super::model::{ABSENT, Model, Network, Separators};
use super::network::HIDDEN;
use super::vocabulary::Vocabulary;

const MAGIC: &[u8; 8] = b"ORCHROUT";
const VERSION: u32 = 2;

pub(super) fn write<R: Label>(router: &Learned<R>) -> Vec<u8> {
    let Learned { routes, model, calibration } = router;
    let Model { vocabulary, separators, network } = model;
    let size = separators.weights.len() * 3 + network.input_weights.len() + vocabulary.len() * 18;
    let mut payload = Vec::with_capacity(size + 4_096);
    put_count(&mut payload, routes.len());
    for route in routes {
        put_count(&mut payload, route.label().len());
        payload.extend_from_slice(route.label().as_bytes());
    }
    put_floats(&mut payload, &calibration.slopes);
    payload.push(u8::from(calibration.outside.is_some()));
    put_floats(&mut payload, calibration.outside.as_ref().map_or(&[], |signs| signs));
    payload.extend_from_slice(&calibration.threshold.to_le_bytes());

    put_count(&mut payload, vocabulary.len());
    payload.extend(vocabulary.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    put_floats(&mut payload, &vocabulary.rarity);
    put_floats(&mut payload, &[vocabulary.unknown]);
    put_floats(&mut payload, &vocabulary.weights);

    payload.extend(separators.counts.iter().flat_map(|count| count.to_le_bytes()));
    put_floats(&mut payload, &separators.scales);
    put_bytes(&mut payload, &separators.weights);
    payload.extend(separators.routes.iter().flat_map(|route| route.to_le_bytes()));
    put_floats(&mut payload, &separators.bias);

    put_count(&mut payload, network.input_scales.len());
    payload.extend(network.inputs.iter().flat_map(|input| input.to_le_bytes()));
    put_floats(&mut payload, &network.input_scales);
    put_bytes(&mut payload, &network.input_weights);
    put_floats(&mut payload, &network.hidden_bias);
    put_floats(&mut payload, &network.output_scales);
    put_bytes(&mut payload, &network.output_weights);
    put_floats(&mut payload, &network.output_bias);

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
    let calibration = calibration(reader)?;
    let vocabulary = vocabulary(reader)?;
    let separators = separators(reader, vocabulary.len(), routes.len())?;
    let network = network(reader, vocabulary.len(), routes.len())?;
    if !reader.rest.is_empty() {
        return Err(nonsense());
    }
    Ok(Learned { routes, model: Model { vocabulary, separators, network }, calibration })
}

fn calibration(reader: &mut Reader<'_>) -> Result<Calibration, String> {
    let slopes = reader.few()?;
    let outside = match reader.take(1)? {
        [0] => None,
        [1] => Some(reader.few()?),
        _ => return Err(nonsense()),
    };
    let threshold = f64::from_le_bytes(reader.array()?);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(nonsense());
    }
    Ok(Calibration { slopes, outside, threshold })
}

fn vocabulary(reader: &mut Reader<'_>) -> Result<Vocabulary, String> {
    let features = reader.count(8)?;
    let hashes = (0..features).map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
    let rarity = reader.floats(features)?;
    let [unknown] = reader.few()?;
    let weights = reader.few()?;
    if !hashes.is_sorted_by(|a, b| a < b) {
        return Err(nonsense());
    }
    Ok(Vocabulary::new(hashes, rarity, unknown, weights))
}

fn separators(reader: &mut Reader<'_>, features: usize, routes: usize) -> Result<Separators, String> {
    let counts = (0..features).map(|_| reader.u16()).collect::<Result<Vec<_>, _>>()?;
    let scales = reader.floats(features)?;
    let kept = |full: bool| -> usize {
        let counts = counts.iter().map(|count| usize::from(*count));
        counts.filter(|count| full || *count != routes).sum()
    };
    let weights = reader.bytes(kept(true))?;
    let rows = (0..kept(false)).map(|_| reader.u16()).collect::<Result<Vec<_>, _>>()?;
    let bias = reader.floats(routes)?;
    let sound = counts.iter().all(|count| usize::from(*count) <= routes)
        && rows.iter().all(|route| usize::from(*route) < routes);
    if !sound {
        return Err(nonsense());
    }
    Ok(Separators::from_parts(counts, scales, weights, rows, bias))
}

fn network(reader: &mut Reader<'_>, features: usize, routes: usize) -> Result<Network, String> {
    let count = reader.count(4 + HIDDEN)?;
    let inputs = (0..features).map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
    let network = Network {
        inputs,
        input_scales: reader.floats(count)?,
        input_weights: reader.bytes(count * HIDDEN)?,
        hidden_bias: reader.floats(HIDDEN)?,
        output_scales: reader.floats(routes)?,
        output_weights: reader.bytes(routes * HIDDEN)?,
        output_bias: reader.floats(routes)?,
    };
    if network.inputs.iter().any(|input| *input != ABSENT && *input as usize >= count) {
        return Err(nonsense());
    }
    Ok(network)
}

fn nonsense() -> String {
    "this router file has numbers that make no sense; fit it again".to_owned()
}

fn put_floats(bytes: &mut Vec<u8>, floats: &[f32]) {
    bytes.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
}

fn put_bytes(bytes: &mut Vec<u8>, numbers: &[i8]) {
    bytes.extend(numbers.iter().map(|number| number.cast_unsigned()));
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

    fn u16(&mut self) -> Result<u16, String> {
        self.array().map(u16::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, String> {
        let float = self.array().map(f32::from_le_bytes)?;
        if float.is_finite() { Ok(float) } else { Err(nonsense()) }
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, String> {
        (0..count).map(|_| self.f32()).collect()
    }

    fn few<const N: usize>(&mut self) -> Result<[f32; N], String> {
        let mut floats = [0.0; N];
        for float in &mut floats {
            *float = self.f32()?;
        }
        Ok(floats)
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<i8>, String> {
        Ok(self.take(count)?.iter().map(|byte| byte.cast_signed()).collect())
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
