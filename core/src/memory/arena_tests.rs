//! Rows where they should be, under one thread that writes and others that read.

use std::sync::atomic::AtomicU64;

use super::super::arena_bytes;
use super::*;

#[test]
fn every_slot_has_its_place_in_one_chunk() {
    for row_bytes in [4, 8, 16, 33, 64, 100, 128, 400, 1536, 6144, 6160, 262_144] {
        let shape = Shape::of(row_bytes);
        let mut next = 0;
        for chunk in 0..100 {
            let (start, rows) = shape.extent(chunk);
            assert_eq!(start, next, "{shape:?}");
            next = start + rows;
            for slot in [start, start + rows / 2, next - 1] {
                assert_eq!(shape.chunk(u32::try_from(slot).unwrap()), chunk, "{shape:?}");
            }
        }
    }
}

#[test]
fn rows_stay_where_they_are_while_others_come() {
    let mut writer = RowsWriter::<u32>::new(32, Memory::default());
    assert_eq!(writer.view().len(), 0);
    let rows = writer.rows();
    let count = if cfg!(miri) { 300 } else { 100_000 };
    let mut first = std::ptr::null();
    for i in 0..count {
        writer.reserve(1).unwrap();
        writer.push(&[i; 20], u32::MAX);
        let view = rows.view();
        assert_eq!(view.len(), i + 1);
        assert_eq!((&view.row(i)[..20], &view.row(i)[20..]), (&[i; 20][..], &[u32::MAX; 12][..]));
        if i == 0 {
            first = view.row(0).as_ptr();
        }
        assert!(view.address(i).addr().is_multiple_of(64));
    }
    assert_eq!(rows.view().row(0).as_ptr(), first);
    assert!((0..count).all(|i| rows.view().row(i)[0] == i));
}

#[test]
fn rows_of_another_are_read_where_they_are_and_more_come_behind_them() {
    for count in [0_u32, 1, 15, 16, 17, 63, 64, 100, 5000] {
        let rows: Vec<u32> = (0..count).flat_map(|i| [i, i + 1]).collect();
        let base = Bytes::copy_of(bytemuck::cast_slice(&rows)).unwrap();
        let start = base.start().as_ptr();
        let copy = RowsWriter::<AtomicU32>::copy_of(2, Memory::default(), &base).unwrap();
        let mut writer = RowsWriter::<AtomicU32>::over(2, Memory::default(), base).unwrap();
        let rows = writer.rows();
        let before = rows.view();
        let bytes = arena_bytes::<AtomicU32>(2, count as usize);
        assert_eq!((before.len(), rows.bytes()), (count, bytes), "as if they were its own");
        let seen = |view: &View<'_, AtomicU32>, slot| {
            let [a, b] = view.row(slot) else { panic!("a row of two") };
            (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed))
        };
        assert!((0..count).all(|slot| seen(&copy.view(), slot) == (slot, slot + 1)), "a copy");
        assert_eq!((copy.len(), copy.rows().bytes()), (count as usize, bytes));
        if count > 0 {
            assert_eq!(before.address(0), start.cast_const());
            before.row(count - 1)[1].store(7, Ordering::Release);
        }
        for i in count..count + 100 {
            writer.reserve(1).unwrap();
            writer.push(&[i, i + 1], 0);
        }
        let after = rows.view();
        for slot in 0..count + 100 {
            let second = if slot + 1 == count { 7 } else { slot + 1 };
            assert_eq!(seen(&after, slot), (slot, second), "{slot} of {count}");
        }
        assert!((0..count).all(|slot| seen(&before, slot) == seen(&after, slot)));
        let full = count.is_power_of_two() && count > 1;
        let moved = count > 0 && before.address(count - 1) != after.address(count - 1);
        assert_eq!(moved, count > 0 && !full, "a chunk that is not full is copied: {count}");
    }
}

#[test]
#[should_panic(expected = "where their elements may")]
fn rows_of_another_that_begin_elsewhere_than_elements_may_are_never_read() {
    let base = Bytes::copy_of(&[7; 64]).unwrap().part(1..33);
    let writer = RowsWriter::<u32>::open(4, Memory::default(), Some(base)).unwrap();
    assert_eq!(writer.view().row(0)[0], 0x0707_0707);
}

#[test]
fn atomics_change_while_they_are_seen() {
    let mut writer = RowsWriter::<AtomicU64>::new(2, Memory::default());
    writer.reserve(3).unwrap();
    writer.push(&[1, 2], 0);
    let rows = writer.rows();
    let view = rows.view();
    view.row(0)[1].store(7, Ordering::Release);
    assert_eq!(rows.view().row(0)[1].load(Ordering::Acquire), 7);
    writer.push(&[3], 9);
    assert_eq!(rows.view().row(1)[1].load(Ordering::Relaxed), 9);
    assert_eq!(view.len(), 1, "a view is of one moment");
}

#[test]
fn readers_see_whole_rows_while_a_writer_appends() {
    let mut writer = RowsWriter::<u64>::new(16, Memory::default());
    let count = if cfg!(miri) { 200 } else { 50_000 };
    let rows = [writer.rows(), writer.rows()];
    #[expect(clippy::disallowed_methods, reason = "a test may start threads")]
    std::thread::scope(|scope| {
        for rows in rows {
            scope.spawn(move || {
                while u64::from(rows.view().len()) < count {
                    let view = rows.view();
                    let Some(last) = view.len().checked_sub(1) else { continue };
                    for slot in [0, last / 2, last] {
                        assert_eq!(view.row(slot), [u64::from(slot); 16]);
                    }
                }
            });
        }
        for i in 0..count {
            writer.reserve(1).unwrap();
            writer.push(&[i; 16], i);
        }
    });
}
