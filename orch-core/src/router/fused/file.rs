//! What a fused router keeps in its file, after the kind.
//!
//! ```text
//! routes; calibration; u8 1 and calibration of the network alone, or u8 0; text encoder; the text's part as in a learned router's file;
//! the network as in a dense router's file;
//! u32 vectors, u32 start[routes + 2], f32 scale[vectors], i8 number[vectors * dimensions]
//! ```

use crate::router::Label;
use crate::router::dense::Centred;
use crate::router::file::{self, Writer, nonsense};
use crate::router::learned::TextModel;
use crate::router::vectors::Index;

use super::early_exit::EarlyExit;
use super::{Fused, VectorModel};

const KIND: &str = "fused";

pub(super) fn write<R: Label>(router: &Fused<R>) -> Vec<u8> {
    let VectorModel { network, examples, starts, .. } = &router.vectors;
    let mut file = Writer::new(KIND);
    file.routes(&router.routes);
    file.calibration(&router.calibration);
    file.byte(u8::from(router.early_exit.is_some()));
    if let Some(EarlyExit(calibration)) = &router.early_exit {
        file.calibration(calibration);
    }
    file.text(&router.encoder);
    router.text.write(&mut file);
    network.write(&mut file);
    file.count(examples.len());
    file.words(starts);
    file.floats(&examples.scales);
    file.bytes(&examples.bytes);
    file.finish()
}

/// The router, or what is wrong with the file and what to do.
pub(super) fn read<R: Label>(bytes: &[u8]) -> Result<Fused<R>, String> {
    let mut reader = file::read(bytes, KIND)?;
    let routes: Vec<R> = reader.routes()?;
    let calibration = reader.calibration()?;
    let early_exit = match reader.byte()? {
        0 => None,
        1 => Some(EarlyExit(reader.calibration()?)),
        _ => return Err(nonsense()),
    };
    let encoder = reader.text()?;
    let text = TextModel::read(&mut reader, routes.len())?;
    let network = Centred::read(&mut reader, routes.len())?;
    let dimensions = network.mean.len();
    let vectors = reader.count(4)?;
    let starts = reader.words(routes.len() + 2)?;
    let example_scales = reader.floats(vectors)?;
    let example_bytes = reader.bytes(vectors.checked_mul(dimensions).ok_or_else(nonsense)?)?;
    reader.finish()?;
    if !starts.is_sorted() || starts.last().is_none_or(|end| *end as usize != vectors) {
        return Err(nonsense());
    }
    let examples = Index { dimensions, bytes: example_bytes.into(), scales: example_scales };
    let vectors = VectorModel::new(network, examples, starts);
    Ok(Fused { encoder, routes, text, vectors, calibration, early_exit })
}
