//! Files that are damaged, or made to do harm: what they may do, which is nothing.

use vicino::{Bytes, Collection, DistanceMetric, Error, Open, Verify};
use vicino_tests::Random;

use crate::snapshot::{collection, fetch, index_of, opened, tenant, told, written};

#[test]
fn what_is_no_snapshot_is_refused() {
    for bytes in [&b""[..], b"PK", &[0; 500], &b"\x89VCN\r\n\x1a\n".repeat(40)] {
        let error = opened(bytes, Verify::Structure).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. } | Error::UnknownFormat { .. }), "{error}");
    }
    let mut later = written(&collection(DistanceMetric::Cosine));
    later[8] = 2;
    let error = opened(&later, Verify::Structure).unwrap_err();
    assert_eq!(error, Error::UnknownFormat { max: 1, found: 2 });
}

#[test]
fn a_file_that_ends_early_is_refused() {
    let bytes = written(&collection(DistanceMetric::Cosine));
    for len in (0..bytes.len()).step_by(131) {
        let error = opened(&bytes[..len], Verify::Structure).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{len}: {error}");
    }
}

/// What leads to arrays has checksums that are always looked at.
#[test]
fn every_changed_byte_of_what_leads_to_arrays_is_found() {
    let mut bytes = written(&collection(DistanceMetric::Manhattan));
    let long = |bytes: &[u8], at: usize| {
        usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
    };
    let (directory, end) = (long(&bytes, bytes.len() - 64), bytes.len());
    let mut places: Vec<usize> = (0..128).chain(directory..end).collect();
    let mut at = directory;
    while at < end - 64 {
        let table = long(&bytes, at + 8);
        let arrays = usize::from(bytes[at + 40]);
        places.extend(table..table + 40 * arrays);
        at += 46 + usize::from(bytes[at + 44]);
    }
    assert!(places.len() > 1500, "{} bytes", places.len());
    for at in places {
        for bit in [0, 3, 7] {
            bytes[at] ^= 1 << bit;
            let error = opened(&bytes, Verify::Structure).unwrap_err();
            let found = matches!(error, Error::Corrupt { .. } | Error::UnknownFormat { .. });
            assert!(found, "byte {at}, bit {bit}: {error}");
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_part_that_ends_early_is_refused() {
    let file = written(&collection(DistanceMetric::Cosine));
    let index = index_of(&file);
    let (simd, open) = (vicino::simd().unwrap(), Open::default());
    let part = fetch(&file, index.range(&tenant()).unwrap());
    let mut again = Collection::of_snapshot(&index, simd, &open).unwrap();
    for len in (0..part.len()).step_by(4096) {
        let cut = Bytes::copy_of(&part[..len]).unwrap();
        let error = again.open_scope(&index, &tenant(), cut, &open).unwrap_err();
        assert_eq!(error.code(), "corrupt", "{len} bytes");
    }
    again.open_scope(&index, &tenant(), Bytes::copy_of(part).unwrap(), &open).unwrap();
}

/// Every byte of it: with checksums all that is left of a change is an error.
#[test]
fn a_changed_byte_is_found() {
    let mut bytes = written(&collection(DistanceMetric::InnerProduct));
    let expected = told(&mut opened(&bytes, Verify::Full).unwrap());
    let mut unseen = 0;
    for at in (0..bytes.len()).step_by(7) {
        bytes[at] ^= 1 << (at % 8);
        match opened(&bytes, Verify::Full) {
            Err(Error::Corrupt { .. } | Error::UnknownFormat { .. }) => {}
            Err(other) => panic!("{at}: {other}"),
            // What lies between arrays is not read.
            Ok(mut collection) => {
                unseen += 1;
                assert!(unseen % 50 != 0 || told(&mut collection) == expected, "{at}");
            }
        }
        bytes[at] ^= 1 << (at % 8);
    }
    assert!(unseen < bytes.len() / 7 / 10, "{unseen} bytes");
}

/// Without checksums a damaged array gives other answers, or errors, and no more than that.
#[test]
fn a_damaged_array_does_no_harm() {
    for metric in [DistanceMetric::Cosine, DistanceMetric::InnerProduct] {
        let bytes = written(&collection(metric));
        let mut random = Random(4);
        let (mut refused, rounds) = (0, 600);
        for _ in 0..rounds {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                let value = [0, 0xff, 0x7f, 1, random.below(256)][random.below(5)];
                bytes[at] = u8::try_from(value).unwrap();
            }
            match opened(&bytes, Verify::Structure) {
                Ok(mut collection) => {
                    told(&mut collection);
                    let again = opened(&written(&collection), Verify::Full);
                    assert!(again.is_ok(), "what went on is a snapshot again: {again:?}");
                }
                Err(_) => refused += 1,
            }
        }
        assert!((1..rounds / 2).contains(&refused), "{refused} of {rounds}");
    }
}

/// Where an array of the last part lies: `core/docs/format.md`, as a stranger reads it.
fn array(file: &[u8], scope: &str, tag: &[u8; 4]) -> std::ops::Range<usize> {
    let long = |at: usize| {
        usize::try_from(u64::from_le_bytes(file[at..at + 8].try_into().unwrap())).unwrap()
    };
    let short = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
    let mut at = long(file.len() - 64);
    loop {
        let text = usize::from(short(at + 44));
        if &file[at + 46..at + 46 + text] == scope.as_bytes() {
            break;
        }
        at += 46 + text;
    }
    let mut row = long(at + 8);
    while &file[row..row + 4] != tag {
        row += 40;
    }
    let stride = usize::from(short(row + 8));
    long(row + 24)..long(row + 24) + long(row + 16) * stride
}

/// Arrays that a stranger wrote to do harm, each in one way.
#[test]
fn a_file_made_to_do_harm_does_none() {
    let file = written(&collection(DistanceMetric::Cosine));
    let all = file.len() as u64;
    let (ones, last, most) = ([0xff; 16], [0, 0, 0, 0x7f], i64::MAX.to_le_bytes());
    let of = |tag: &[u8; 4]| array(&file, "tenant:a:b", tag);
    let entries = of(b"IDOR").len() / 4;
    let ids = &file[of(b"IDOR")];
    let swapped = [&ids[400..404], &ids[4..400], &ids[..4]].concat();
    let cases: Vec<(&[u8; 4], usize, &[u8])> = vec![
        (b"SLOT", 0, &[9; 8]),
        (b"SLOT", 0, &[3; 8]),
        (b"FREE", 0, &ones),
        (b"IDOR", 0, &ones),
        (b"IDOR", 4 * (entries - 1), &[0; 4]),
        (b"IDOR", 0, &swapped),
        (b"RECS", 0, &ones),
        (b"RECS", 8, &[1; 8]),
        (b"RECD", 0, &ones),
        (b"RECD", 1, &ones[..2]),
        (b"EXPY", 8, &most),
        (b"EXPY", 0, &most),
        (b"LINK", 0, &last),
        (b"UPPR", 0, &last),
        (b"UPPR", 0, &[0x57, 2, 0, 0]),
        (b"ENTR", 0, &last),
        (b"RANG", 0, &ones[..8]),
        (b"LGST", 0, &ones[..8]),
        (b"INDG", 0, &[0; 16]),
        (b"EXAC", 0, &ones),
        (b"COLS", 0, &ones),
        (b"TIME", 0, &ones),
        (b"TUNE", 0, &ones),
    ];
    for (tag, at, harm) in cases {
        let mut file = file.clone();
        let start = of(tag).start + at;
        file[start..start + harm.len()].copy_from_slice(harm);
        let said = String::from_utf8_lossy(tag).into_owned();
        match opened(&file, Verify::Structure) {
            Ok(mut collection) => {
                told(&mut collection);
                let again = written(&collection);
                assert!(again.len() < 2 * file.len(), "{said} grows");
                let again = opened(&again, Verify::Full);
                assert!(again.is_ok(), "{said}: what went on is a snapshot again: {again:?}");
            }
            Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{said}: {error}"),
        }
        assert!(opened(&file, Verify::Full).is_err(), "{said} is not looked at");
    }
    assert_eq!(all, file.len() as u64);
}
