//! The header: what the file is, and the configuration.

use twox_hash::XxHash3_64;

use super::read::{Fields, corrupt};
use super::{HEADER, MAGIC, MAJOR};
use crate::config::{Exact, HnswConfig, Quantization};
use crate::error::Error;
use crate::metric::DistanceMetric;

pub(super) fn read_header(all: &[u8]) -> Result<(HnswConfig, usize), Error> {
    let damaged = corrupt("header");
    let header = all.get(..HEADER).filter(|header| header.starts_with(&MAGIC));
    let header = header.ok_or_else(|| damaged("is not that of a snapshot"))?;
    let mut from = Fields(&header[MAGIC.len()..]);
    let major = from.u16()?;
    if major != MAJOR {
        return Err(Error::UnknownFormat { max: MAJOR, found: major });
    }
    let (own, checksum) = header.split_at(HEADER - 8);
    if XxHash3_64::oneshot(own) != Fields(checksum).u64()? {
        return Err(damaged("does not have its checksum"));
    }
    from.u16()?;
    read_config(&mut from)
}

/// Appends a configuration, whose fields [`read_config`] reads.
pub(super) fn write_config(config: &HnswConfig, dimensions: usize, to: &mut Vec<u8>) {
    let short = |number: usize| u32::try_from(number).expect("within its limits").to_le_bytes();
    let metric = DistanceMetric::ALL.iter().position(|metric| *metric == config.distance_metric);
    let quantization = match config.quantization {
        Quantization::Int8 => 0,
        Quantization::None => 1,
    };
    let exact = match config.exact {
        Exact::F32 => 0,
        Exact::F16 => 1,
        Exact::None => 2,
    };
    to.extend(short(dimensions));
    to.extend(short(metric.expect("it is one of all")));
    to.extend([quantization, exact, 0, 0]);
    to.extend(short(config.max_connections));
    to.extend(short(config.ef_construction));
    to.extend(short(config.ef_search));
    to.extend(short(config.nb_layers));
    to.extend(short(config.promotion_size.unwrap_or(0)));
    to.extend([0; 4]);
    to.extend(config.seed.to_le_bytes());
}

fn read_config(from: &mut Fields<'_>) -> Result<(HnswConfig, usize), Error> {
    let unknown = || corrupt("header")("has a setting that this version does not know");
    let mut long = || from.u32().map(|number| number as usize);
    let (dimensions, metric) = (long()?, long()?);
    let distance_metric = *DistanceMetric::ALL.get(metric).ok_or_else(unknown)?;
    let quantization = match from.u8()? {
        0 => Quantization::Int8,
        1 => Quantization::None,
        _ => return Err(unknown()),
    };
    let exact = match from.u8()? {
        0 => Exact::F32,
        1 => Exact::F16,
        2 => Exact::None,
        _ => return Err(unknown()),
    };
    from.u16()?;
    let mut long = || from.u32().map(|number| number as usize);
    let (max_connections, ef_construction, ef_search) = (long()?, long()?, long()?);
    let (nb_layers, promotion) = (long()?, long()?);
    from.u32()?;
    let promotion_size = (promotion > 0).then_some(promotion);
    let config = HnswConfig {
        distance_metric,
        max_connections,
        ef_construction,
        ef_search,
        nb_layers,
        seed: from.u64()?,
        quantization,
        exact,
        promotion_size,
    };
    Ok((config, dimensions))
}
