//! Large writes that come into the database in pieces: between two of them others write, and nobody
//! waits for all of one.
//!
//! Until the last piece is there the entries are pending, and opening the database takes them away.
//! A failure of the disk may take pieces away that were written; each therefore looks whether those
//! before it are there, and if not, all are written again.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::WriteTransaction;
use vicino_core::{Scope, Written};

use super::Writer;
use super::group::Later;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::inbox::Reply;
use crate::pending;

/// A write of entries that were not there, of one collection.
pub(super) struct Staged {
    scopes: Vec<Later>,
    written: Written,
    reply: Reply,
    places: BTreeSet<(u32, Scope)>,
    /// How many entries it has.
    count: usize,
    /// How many of them are in the database, and how many rows say so.
    done: usize,
    rows: u64,
}

/// Entries that are written at a time: about a millisecond, for which others wait.
const PIECE: usize = 96;

impl Writer {
    /// Has something be written in pieces.
    pub(super) fn stage(
        &mut self,
        scopes: Vec<Later>,
        (written, reply, places): (Written, Reply, BTreeSet<(u32, Scope)>),
    ) {
        for (hosted, commit) in &scopes {
            self.apart.take_away(hosted, commit.scope());
        }
        let count = scopes.iter().map(|(_, commit)| commit.changes().count()).sum();
        self.staged = Some(Staged { scopes, written, reply, places, count, done: 0, rows: 0 });
    }

    /// Writes the next piece, if something is written in pieces.
    pub(super) fn write_piece(&mut self) {
        let Some(mut staged) = self.staged.take() else { return };
        match self.advance(&mut staged) {
            Ok(false) => self.staged = Some(staged),
            Ok(true) => {
                let Staged { scopes, written, reply, places, .. } = staged;
                scopes.into_iter().for_each(|(hosted, commit)| self.link_large(&hosted, commit));
                self.changed += written.count;
                self.unswept += written.count;
                self.apart.answer(written, reply, places);
            }
            Err(error) => {
                self.is_untidy = true;
                if let Err(error) = self.commit((0, 0), |_| Ok(())) {
                    tracing::warn!(%error, "the next write takes a part of one back");
                }
                let places: Vec<(Arc<Hosted>, Scope)> =
                    staged.scopes.into_iter().map(put_back).collect();
                let places = places.iter().map(|(hosted, scope)| (hosted, scope));
                self.apart.free(&mut self.shared.inbox.queue(), places);
                (staged.reply)(Err(error));
            }
        }
    }

    /// Is it all there with the next piece?
    fn advance(&mut self, staged: &mut Staged) -> Result<bool, StoreError> {
        let Some(place) = &self.shared.place else { return Ok(true) };
        let Staged { scopes, count, done, rows, .. } = staged;
        if done == count {
            let end = |to: &WriteTransaction| pending::end(to, *rows);
            let is_there = self.commit((*count, 0), end)? == Some(true);
            if !is_there {
                (*done, *rows) = (0, 0);
            }
            return Ok(is_there);
        }
        let changes = scopes.iter().flat_map(|(_, commit)| commit.changes());
        let piece = changes.skip(*done).take(PIECE);
        let number = scopes.first().map_or(0, |(hosted, _)| hosted.number());
        let write = |to: &WriteTransaction| pending::write(to, number, *rows, piece);
        match place.database.write_loosely(write)? {
            Some(now) => (*done, *rows) = ((*done + PIECE).min(*count), now),
            None => (*done, *rows) = (0, 0),
        }
        Ok(false)
    }
}

fn put_back((hosted, commit): Later) -> (Arc<Hosted>, Scope) {
    let scope = commit.scope().clone();
    hosted.collection().put_back_unchanged(commit);
    (hosted, scope)
}
