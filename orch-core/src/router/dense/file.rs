//! What a dense router keeps in its file, after the kind.
//!
//! ```text
//! routes; calibration; text encoder; the network
//! network: u32 dimensions, f32 mean[dimensions];
//! u32 units, f32 scale[units], i8 weight[units * dimensions], f32 bias[units];
//! f32 scale[routes], i8 weight[routes * units], f32 bias[routes]
//! ```

use crate::router::Label;
use crate::router::file::{self, Reader, Writer, nonsense};

use super::network::{Layer, Network};
use super::{Centred, Dense};

const KIND: &str = "dense";

pub(super) fn write<R: Label>(router: &Dense<R>) -> Vec<u8> {
    let mut file = Writer::new(KIND);
    file.routes(&router.routes);
    file.calibration(&router.calibration);
    file.text(&router.encoder);
    router.network.write(&mut file);
    file.finish()
}

/// The router, or what is wrong with the file and what to do.
pub(super) fn read<R: Label>(bytes: &[u8]) -> Result<Dense<R>, String> {
    let mut reader = file::read(bytes, KIND)?;
    let routes: Vec<R> = reader.routes()?;
    let calibration = reader.calibration()?;
    let encoder = reader.text()?;
    let network = Centred::read(&mut reader, routes.len())?;
    reader.finish()?;
    Ok(Dense { encoder, routes, network, calibration })
}

impl Centred {
    pub(in crate::router) fn write(&self, file: &mut Writer) {
        file.count(self.mean.len());
        file.floats(&self.mean);
        file.count(self.network.hidden.bias.len());
        for layer in [&self.network.hidden, &self.network.outputs] {
            file.floats(&layer.scales);
            file.bytes(&layer.weights);
            file.floats(&layer.bias);
        }
    }

    pub(in crate::router) fn read(reader: &mut Reader<'_>, routes: usize) -> Result<Self, String> {
        let dimensions = reader.count(4)?;
        let mean = reader.floats(dimensions)?;
        let units = reader.count(4)?;
        if dimensions == 0 || units == 0 {
            return Err(nonsense());
        }
        let hidden = layer(reader, dimensions, units)?;
        let outputs = layer(reader, units, routes)?;
        Ok(Self { mean, network: Network { hidden, outputs } })
    }
}

fn layer(reader: &mut Reader<'_>, inputs: usize, units: usize) -> Result<Layer, String> {
    let scales = reader.floats(units)?;
    let weights = reader.bytes(units.checked_mul(inputs).ok_or_else(nonsense)?)?;
    Ok(Layer { weights: weights.into(), scales, bias: reader.floats(units)? })
}
