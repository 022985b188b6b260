//! What a fused router keeps in its file, after the kind.
//!
//! ```text
//! routes; calibration; text encoder; the text's part as in a learned router's file;
//! u32 dimensions, f32 mean[dimensions];
//! u32 units, f32 scale[units], i8 weight[units * dimensions], f32 bias[units];
//! f32 scale[routes], i8 weight[routes * units], f32 bias[routes];
//! u32 vectors, u32 start[routes + 2], f32 scale[vectors], i8 number[vectors * dimensions]
//! ```

use crate::router::Label;
use crate::router::file::{self, Reader, Writer, nonsense};
use crate::router::learned::TextModel;
use crate::router::vectors::Index;

use super::head::{Head, Layer};
use super::{Dense, Fused};

const KIND: &str = "fused";

pub(super) fn write<R: Label>(router: &Fused<R>) -> Vec<u8> {
    let Dense { mean, head, examples, starts } = &router.dense;
    let mut file = Writer::new(KIND);
    file.routes(&router.routes);
    file.calibration(&router.calibration);
    file.text(&router.encoder);
    router.text.write(&mut file);
    file.count(mean.len());
    file.floats(mean);
    file.count(head.hidden.bias.len());
    for layer in [&head.hidden, &head.outputs] {
        file.floats(&layer.scales);
        file.bytes(&layer.weights);
        file.floats(&layer.bias);
    }
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
    let encoder = reader.text()?;
    let text = TextModel::read(&mut reader, routes.len())?;
    let dimensions = reader.count(4)?;
    let mean = reader.floats(dimensions)?;
    let units = reader.count(4)?;
    let hidden = layer(&mut reader, dimensions, units)?;
    let outputs = layer(&mut reader, units, routes.len())?;
    let vectors = reader.count(4)?;
    let starts = reader.words(routes.len() + 2)?;
    let example_scales = reader.floats(vectors)?;
    let example_bytes = reader.bytes(vectors.checked_mul(dimensions).ok_or_else(nonsense)?)?;
    reader.finish()?;
    if dimensions == 0
        || units == 0
        || !starts.is_sorted()
        || starts.last().is_none_or(|end| *end as usize != vectors)
    {
        return Err(nonsense());
    }
    let head = Head { hidden, outputs };
    let examples = Index { dimensions, bytes: example_bytes, scales: example_scales };
    Ok(Fused { encoder, routes, text, dense: Dense { mean, head, examples, starts }, calibration })
}

fn layer(reader: &mut Reader<'_>, inputs: usize, units: usize) -> Result<Layer, String> {
    let scales = reader.floats(units)?;
    let weights = reader.bytes(units.checked_mul(inputs).ok_or_else(nonsense)?)?;
    Ok(Layer { inputs, weights, scales, bias: reader.floats(units)? })
}
