//! The envelope of a router's file, and what all routers keep in theirs.
//!
//! ```text
//! "ORCHROUT"  u32 version  u64 length  payload of that length  u64 checksum of the payload
//! payload: text kind; what the kind has
//! text: u32 length, UTF-8
//! routes: u32 count, text label[count]
//! calibration: f32 slope[4]; u8 1 and f32 sign[7], or u8 0; f64 threshold
//! ```
//!
//! Numbers are little-endian. The checksum is 64-bit FNV-1a.

use crate::router::Label;
use crate::router::calibration::Calibration;
use crate::router::unseen::MAX_ROUTES;

const MAGIC: &[u8; 8] = b"ORCHROUT";
const VERSION: u32 = 8;

/// A payload that is being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: &str) -> Self {
        let mut writer = Self(Vec::new());
        writer.text(kind);
        writer
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u32).to_le_bytes());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn floats(&mut self, floats: &[f32]) {
        self.0.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
    }

    pub(super) fn doubles(&mut self, doubles: &[f64]) {
        self.0.extend(doubles.iter().flat_map(|double| double.to_le_bytes()));
    }

    pub(super) fn words(&mut self, words: &[u32]) {
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    pub(super) fn shorts(&mut self, shorts: &[u16]) {
        self.0.extend(shorts.iter().flat_map(|short| short.to_le_bytes()));
    }

    pub(super) fn bytes(&mut self, numbers: &[i8]) {
        self.0.extend(numbers.iter().map(|number| number.cast_unsigned()));
    }

    pub(super) fn routes<R: Label>(&mut self, routes: &[R]) {
        self.count(routes.len());
        routes.iter().for_each(|route| self.text(route.label()));
    }

    pub(super) fn calibration(&mut self, calibration: &Calibration) {
        self.floats(&calibration.slopes);
        self.byte(u8::from(calibration.outside.is_some()));
        self.floats(calibration.outside.as_ref().map_or(&[], |signs| signs));
        self.doubles(&[calibration.threshold]);
    }

    /// The whole file.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() + 28);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.0.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(&checksum(&self.0).to_le_bytes());
        bytes
    }
}

/// 64-bit FNV-1a (Fowler, Noll, Vo).
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// What a router file holds: `learned`, `semantic`, `dense`, `fused`, `difficulty` or `bundle`, or what was fitted for a router
/// that is none of data alone: `calibrated` or `llm`.
///
/// # Errors
///
/// When the bytes are not a router file of this version, or are damaged.
pub fn kind_of_router(bytes: &[u8]) -> crate::error::Result<String> {
    let kind = open(bytes).and_then(|mut reader| reader.text());
    kind.map_err(|problem| crate::error::Error::with(crate::error::Kind::Router, problem))
}

/// A payload that is being read: the file's own words are not believed before its checksum is right, and no count in
/// it makes the reader allocate more than the file is long.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

/// Checks the envelope.
fn open(bytes: &[u8]) -> Result<Reader<'_>, String> {
    let mut header = Reader { rest: bytes, length: bytes.len() };
    if header.take(8).ok() != Some(MAGIC.as_slice()) {
        return Err(
            "this is not a router file: it does not begin with `ORCHROUT`; make one with `cargo orch fit`"
                .to_owned(),
        );
    }
    let version = header.word()?;
    if version != VERSION {
        return Err(format!(
            "this router file has version {version}, and this program reads version {VERSION}; fit it again"
        ));
    }
    let length = u64::from_le_bytes(header.array()?);
    let payload = header.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let expected = u64::from_le_bytes(header.array()?);
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
    Ok(Reader { rest: payload, length: bytes.len() })
}

/// Opens a file of one kind.
pub(super) fn read<'a>(bytes: &'a [u8], kind: &str) -> Result<Reader<'a>, String> {
    let mut reader = open(bytes)?;
    let found = reader.text()?;
    if found == kind {
        return Ok(reader);
    }
    Err(format!("this router file has a `{found}` router, and the program reads a `{kind}` one"))
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(taken)
    }

    fn short(&self) -> String {
        format!("this router file is cut short at {} bytes; copy or fit it again", self.length)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let short = self.short();
        self.take(N)?.try_into().map_err(|_| short)
    }

    pub(super) fn byte(&mut self) -> Result<u8, String> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn word(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn words(&mut self, count: usize) -> Result<Vec<u32>, String> {
        (0..count).map(|_| self.word()).collect()
    }

    pub(super) fn shorts(&mut self, count: usize) -> Result<Vec<u16>, String> {
        (0..count).map(|_| self.array().map(u16::from_le_bytes)).collect()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<i8>, String> {
        Ok(self.take(count)?.iter().map(|byte| byte.cast_signed()).collect())
    }

    pub(super) fn floats(&mut self, count: usize) -> Result<Vec<f32>, String> {
        (0..count).map(|_| self.float()).collect()
    }

    pub(super) fn few<const N: usize>(&mut self) -> Result<[f32; N], String> {
        let mut floats = [0.0; N];
        for float in &mut floats {
            *float = self.float()?;
        }
        Ok(floats)
    }

    pub(super) fn float(&mut self) -> Result<f32, String> {
        let float = self.array().map(f32::from_le_bytes)?;
        if float.is_finite() { Ok(float) } else { Err(nonsense()) }
    }

    pub(super) fn double(&mut self) -> Result<f64, String> {
        let double = self.array().map(f64::from_le_bytes)?;
        if double.is_finite() { Ok(double) } else { Err(nonsense()) }
    }

    /// A number from 0 to 1.
    pub(super) fn share(&mut self) -> Result<f64, String> {
        let share = self.double()?;
        if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(nonsense()) }
    }

    /// A count of things that take at least `size` bytes each: never more than the file can hold.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, String> {
        let count = self.word()? as usize;
        if count > self.rest.len() / size {
            return Err(self.short());
        }
        Ok(count)
    }

    pub(super) fn blob(&mut self) -> Result<Vec<u8>, String> {
        let length = self.count(1)?;
        self.take(length).map(<[u8]>::to_vec)
    }

    pub(super) fn text(&mut self) -> Result<String, String> {
        let length = self.count(1)?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned)
            .map_err(|_| "this router file has text that is not UTF-8; fit it again".to_owned())
    }

    /// The routes, which must be those of the program.
    pub(super) fn routes<R: Label>(&mut self) -> Result<Vec<R>, String> {
        let count = self.count(4)?;
        let (mut routes, mut strange) = (Vec::with_capacity(count), Vec::new());
        for _ in 0..count {
            let label = self.text()?;
            match R::from_label(&label) {
                Some(route) => routes.push(route),
                None => strange.push(label),
            }
        }
        let missing: Vec<String> = R::expected()
            .iter()
            .filter(|route| !routes.contains(route))
            .map(|route| route.label().to_owned())
            .collect();
        if !strange.is_empty() || !missing.is_empty() {
            return Err(other_routes(&strange, &missing));
        }
        if routes.len() < 2 {
            return Err("this router file has fewer than two routes; fit it again".to_owned());
        }
        if routes.len() > MAX_ROUTES { Err(nonsense()) } else { Ok(routes) }
    }

    /// That what is made of the file, besides what is read from it, has at most as many numbers as the file has bytes.
    pub(super) fn bounds(&self, rows: usize, columns: usize) -> Result<(), String> {
        let numbers = rows.checked_mul(columns).filter(|numbers| *numbers <= self.length);
        numbers.map(drop).ok_or_else(nonsense)
    }

    pub(super) fn calibration(&mut self) -> Result<Calibration, String> {
        let slopes = self.few()?;
        let outside = match self.byte()? {
            0 => None,
            1 => Some(self.few()?),
            _ => return Err(nonsense()),
        };
        let threshold = self.share()?;
        Ok(Calibration { slopes, outside, threshold })
    }

    /// Checks that nothing is left.
    pub(super) fn finish(&self) -> Result<(), String> {
        if self.rest.is_empty() { Ok(()) } else { Err(nonsense()) }
    }
}

/// What to say of numbers that no router would have.
pub(super) fn nonsense() -> String {
    "this router file has numbers that make no sense; fit it again".to_owned()
}

fn other_routes(strange: &[String], missing: &[String]) -> String {
    let list =
        |labels: &[String]| labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    if strange.is_empty() {
        let missing = list(missing);
        return format!(
            "this router file lacks {missing}, which the program has; give examples of each route and fit it again"
        );
    }
    let lacks = if missing.is_empty() {
        String::new()
    } else {
        format!(", and lacks {}, which it has", list(missing))
    };
    let what = format!("has {}, which the program does not{lacks}", list(strange));
    format!("the routes have changed since this router was fitted: its file {what}; fit it again")
}
