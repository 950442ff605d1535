//! What the tests, benches and fuzz targets share.
