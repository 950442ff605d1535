//! Files that were damaged, or made by somebody who wants harm: opened, searched and changed.
//!
//! The input says which sample is damaged and how. Checksums are made right again where it says so,
//! since a file that is only damaged by chance gets no further than these.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_64;
use vicino_core::{
    Bytes, Collection, EntryKey, Open, Searcher, Simd, VectorEntry, VectorQuery, field,
    sample_snapshot,
};

static SAMPLES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let sample = |number| sample_snapshot(Simd::detect(), number).expect("it fits memory");
    [0, 1, 2, 3].map(|number| sample(number).expect("there are four"))
});

fuzz_target!(|input: &[u8]| {
    let [kind, edits @ ..] = input else { return };
    let mut file = SAMPLES[usize::from(kind % 4)].clone();
    if kind & 16 != 0 {
        // The input itself, behind what every file begins with.
        file.truncate(usize::from(kind & 8) * 16);
        file.extend(edits);
    } else {
        for edit in edits.chunks_exact(5) {
            let at = u32::from_le_bytes([edit[0], edit[1], edit[2], edit[3] & 1]) as usize;
            // What leads to everything else is small and at the end: half of the edits go there.
            let len = file.len();
            let at = if edit[3] & 2 == 0 { at % len } else { len - 1 - at % len.min(2048) };
            file[at] = edit[4];
        }
    }
    if kind & 4 != 0 {
        mend(&mut file);
    }
    let open = Open::default().with_preload(kind & 32 != 0);
    let Ok(bytes) = Bytes::copy_of(&file) else { return };
    if let Ok(mut collection) = Collection::open(bytes, Simd::detect(), &open) {
        live(&mut collection);
    }
});

/// Makes the checksums of header, tables, directory and footer right.
fn mend(file: &mut [u8]) {
    let len = file.len();
    if len < 128 + 64 {
        return;
    }
    let long = |file: &[u8], at: usize| -> Option<usize> {
        let bytes = file.get(at..at.checked_add(8)?)?;
        usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let put = |file: &mut [u8], at: usize, checksum: u64| {
        file[at..at + 8].copy_from_slice(&checksum.to_le_bytes());
    };
    let header = XxHash3_64::oneshot(&file[..120]);
    put(file, 120, header);
    let (Some(start), Some(bytes)) = (long(file, len - 64), long(file, len - 56)) else { return };
    let end = start.saturating_add(bytes).min(len - 64);
    let mut at = start;
    while at.saturating_add(46) <= end {
        let table = long(file, at + 8);
        let arrays = u32::from_le_bytes([0, 1, 2, 3].map(|i| file[at + 40 + i])) as usize;
        let text = usize::from(u16::from_le_bytes([file[at + 44], file[at + 45]]));
        let range = table.map(|table| table..table.saturating_add(arrays.saturating_mul(40)));
        if let Some(table) = range.and_then(|range| file.get(range)) {
            let checksum = XxHash3_64::oneshot(table);
            put(file, at + 16, checksum);
        }
        at += 46 + text;
    }
    if let Some(directory) = file.get(start..start.saturating_add(bytes)) {
        let checksum = XxHash3_64::oneshot(directory);
        put(file, len - 40, checksum);
    }
    put(file, len - 32, len as u64);
    let footer = XxHash3_64::oneshot(&file[len - 64..len - 16]);
    put(file, len - 16, footer);
}

/// Everything that a program does with a collection. Any of it may be refused.
fn live(collection: &mut Collection) {
    let mut searcher = Searcher::default();
    let dimensions = collection.dimensions();
    if dimensions > 4096 {
        return;
    }
    for scope in collection.scopes() {
        for number in 0..3_u8 {
            let vector = vec![f32::from(number) - 1.5; dimensions];
            let query = VectorQuery::new(vector, 7).with_scope(scope.clone()).with_ef(20);
            let wanted = query.clone().with_filter(field("n").gte(2) & field("tags").contains("x"));
            _ = collection.search(&query, &mut searcher);
            _ = collection.search(&wanted, &mut searcher);
            _ = collection.search(&query.with_exact(true), &mut searcher);
        }
        _ = collection.list(&scope, None, Some("id-2"), 40);
        _ = collection.get(&EntryKey::new(scope.clone(), "id-7"));
        _ = collection.stats_for_scope(&scope);
        _ = collection.delete_where(&scope, &field("half").lt(5), 1_600);
        let entry = |i: u8| {
            let vector = vec![f32::from(i) - 9.5; dimensions];
            VectorEntry::new(format!("id-{i}"), vector).with_scope(scope.clone())
        };
        _ = collection.upsert((0..20).map(entry).collect(), 1_600);
        _ = collection.maintain(100_000, 1_700);
        _ = collection.insert(vec![entry(200)], 1_800);
    }
    let mut again = Vec::new();
    let snapshot = collection.snapshot().expect("there is memory for it");
    snapshot.write(&mut again).expect("there is memory for it");
    let bytes = Bytes::copy_of(&again).expect("there is memory for it");
    Collection::open(bytes, Simd::detect(), &Open::default()).expect("it was written here");
}
