//! What a semantic router keeps in its file, after the kind.
//!
//! ```text
//! routes; calibration; text encoder; u8 scoring, u16 count; f32 threshold[routes];
//! u32 dimensions, u32 vectors, u32 owner[vectors], f32 scale[vectors], i8 number[vectors * dimensions]
//! ```

use crate::router::Label;
use crate::router::file::{Writer, nonsense};
use crate::router::vectors::Index;

use super::{Scoring, Semantic};

const KIND: &str = "semantic";

pub(super) fn write<R: Label>(router: &Semantic<R>) -> Vec<u8> {
    let mut file = Writer::new(KIND);
    file.routes(&router.routes);
    file.calibration(&router.calibration);
    file.text(&router.encoder);
    let (scoring, count) = match router.scoring {
        Scoring::Best => (0, 0),
        Scoring::Mean(count) => (1, count),
        Scoring::Sum(count) => (2, count),
        Scoring::Votes(count) => (3, count),
        Scoring::Centroid => (4, 0),
    };
    file.byte(scoring);
    file.shorts(&[count]);
    file.floats(&router.thresholds);
    file.count(router.index.dimensions);
    file.count(router.index.len());
    file.words(&router.owners);
    file.floats(&router.index.scales);
    file.bytes(&router.index.bytes);
    file.finish()
}

/// The router, or what is wrong with the file and what to do.
pub(super) fn read<R: Label>(bytes: &[u8]) -> Result<Semantic<R>, String> {
    let mut reader = crate::router::file::read(bytes, KIND)?;
    let routes: Vec<R> = reader.routes()?;
    let calibration = reader.calibration()?;
    let encoder = reader.text()?;
    let scoring = reader.byte()?;
    let count = u16::from_le_bytes(reader.array()?);
    let scoring = match scoring {
        0 => Scoring::Best,
        1 => Scoring::Mean(count),
        2 => Scoring::Sum(count),
        3 => Scoring::Votes(count),
        4 => Scoring::Centroid,
        _ => return Err(nonsense()),
    };
    let thresholds = reader.floats(routes.len())?;
    let dimensions = reader.word()? as usize;
    let vectors = reader.count(8)?;
    let owners = reader.words(vectors)?;
    let scales = reader.floats(vectors)?;
    let bytes = reader.bytes(vectors.checked_mul(dimensions).ok_or_else(nonsense)?)?;
    reader.finish()?;
    if dimensions == 0 || dimensions > 1 << 16 || owners.iter().any(|owner| *owner as usize >= routes.len()) {
        return Err(nonsense());
    }
    reader.bounds(routes.len(), dimensions)?;
    let index = Index { dimensions, bytes: bytes.into(), scales };
    let centroids = Index::new(dimensions);
    let mut router = Semantic { encoder, scoring, routes, thresholds, index, owners, centroids, calibration };
    router.find_centroids();
    Ok(router)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::calibration::Calibration;

    /// A file with a right checksum that names many routes and a long vector, and has none.
    #[test]
    fn what_would_be_made_of_a_file_is_bounded_by_its_length() {
        let with = |routes: usize, dimensions: usize| {
            let mut file = Writer::new(KIND);
            file.routes(&(0..routes).map(|route| route.to_string()).collect::<Vec<_>>());
            file.calibration(&Calibration::untrained(super::super::SLOPES));
            file.text("encoder");
            file.byte(0);
            file.shorts(&[0]);
            file.floats(&vec![0.0; routes]);
            file.count(dimensions);
            file.count(0);
            read::<String>(&file.finish())
        };
        assert!(with(3, 8).is_ok());
        assert!(with(50_000, 1 << 16).unwrap_err().contains("no sense"));
        assert!(with(70_000, 1).unwrap_err().contains("no sense"));
    }
}
