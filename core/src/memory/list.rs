//! Lists of slots that one thread rewrites while others read them.
//!
//! A reader stops at the first [`EMPTY`]. Links that stay keep their places, new ones take those
//! of links that go, and the last close the gaps that are left. Meanwhile a reader may meet a link
//! twice, or miss one that just closed a gap behind it; it meets every other that stays.
//! Every link is stored with Release, so that whoever follows it after an Acquire fence
//! sees what was written of its slot. `tests/loom` runs this file.

use super::sync::{AtomicU32, Ordering};

/// What a list is filled up with: no slot.
pub(crate) const EMPTY: u32 = u32::MAX;

/// The links of a list.
#[inline]
pub(crate) fn links(list: &[AtomicU32]) -> impl Iterator<Item = u32> {
    list.iter().map(|link| link.load(Ordering::Relaxed)).take_while(|&link| link != EMPTY)
}

/// How a list changed.
pub(crate) struct Change {
    pub(crate) added: Vec<u32>,
    pub(crate) dropped: Vec<u32>,
}

/// Makes `new`, without doubles and no longer than the list, its links.
pub(crate) fn rewrite(list: &[AtomicU32], new: &[u32]) -> Change {
    debug_assert!((1..new.len()).all(|i| !new[..i].contains(&new[i])), "a list has no doubles");
    // Most often a link or two are appended.
    let mut same = 0;
    while same < new.len() && list[same].load(Ordering::Relaxed) == new[same] {
        same += 1;
    }
    let (list, new) = (&list[same..], &new[same..]);
    let link = |place: usize| list[place].load(Ordering::Relaxed);
    let (mut added, mut dropped) = (Vec::new(), Vec::with_capacity(list.len()));
    dropped.extend(links(list));
    let mut len = dropped.len();
    for &slot in new {
        match dropped.iter().position(|&old| old == slot) {
            Some(place) => {
                dropped.swap_remove(place);
            }
            None => added.push(slot),
        }
    }
    let mut coming = added.iter().copied();
    let mut place = 0;
    while place < len {
        if dropped.contains(&link(place)) {
            if let Some(link) = coming.next() {
                list[place].store(link, Ordering::Release);
            } else {
                let last = link(len - 1);
                len -= 1;
                if !dropped.contains(&last) {
                    // For a moment it is there twice, but never not at all.
                    list[place].store(last, Ordering::Release);
                }
                list[len].store(EMPTY, Ordering::Release);
                continue;
            }
        }
        place += 1;
    }
    for (link, place) in coming.zip(&list[len..]) {
        place.store(link, Ordering::Release);
    }
    Change { added, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_keeps_its_place_and_gaps_are_closed_from_the_end() {
        let list: Vec<_> = (0..6).map(|_| AtomicU32::new(EMPTY)).collect();
        for (new, expected) in [
            (&[5, 3, 9][..], &[5, 3, 9][..]),
            (&[9, 5, 3, 1], &[5, 3, 9, 1]),
            (&[1, 5, 9], &[5, 1, 9]),
            (&[9], &[9]),
            (&[7, 8], &[7, 8]),
            (&[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 6]),
            (&[6, 7, 1], &[1, 7, 6]),
            (&[], &[]),
        ] {
            rewrite(&list, new);
            assert_eq!(links(&list).collect::<Vec<_>>(), expected, "{new:?}");
        }
    }

    #[test]
    fn any_list_becomes_any_other() {
        let step = if cfg!(miri) { 11 } else { 1 };
        for from in (0..64_u32).step_by(step) {
            for to in (0..64_u32).step_by(step) {
                let set = |bits: u32| (0..6).filter(|i| bits >> i & 1 == 1).collect::<Vec<u32>>();
                let list: Vec<_> = (0..6).map(|_| AtomicU32::new(EMPTY)).collect();
                rewrite(&list, &set(from));
                rewrite(&list, &set(to));
                let mut found: Vec<_> = links(&list).collect();
                found.sort_unstable();
                assert_eq!(found, set(to), "from {from:b}");
                assert!(list[found.len()..].iter().all(|l| l.load(Ordering::Relaxed) == EMPTY));
            }
        }
    }
}
