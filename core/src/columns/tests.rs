//! Metadata and filters of every shape, held to what filters mean, and nothing left behind.

use super::*;
use crate::metadata::Number;
use crate::mix::{STEP, mix};

/// The twin: entries by slot, read one by one.
#[derive(Default)]
struct Model {
    entries: BTreeMap<u32, (String, Object)>,
    live: SlotSet,
}

impl Entries for Model {
    fn live(&self) -> &SlotSet {
        &self.live
    }

    fn slot_of(&self, id: &str) -> Option<u32> {
        self.entries.iter().find(|(_, (other, _))| other == id).map(|(&slot, _)| slot)
    }

    fn matches(&self, slot: u32, path: &FieldPath, op: &Op) -> bool {
        op.matches(path, &self.entries[&slot].1)
    }
}

impl Model {
    fn put(&mut self, columns: &mut Columns, slot: u32, metadata: Object) {
        self.remove(columns, slot);
        columns.add(slot, &metadata);
        self.entries.insert(slot, (format!("id {slot}"), metadata));
        self.live.insert(slot);
    }

    fn remove(&mut self, columns: &mut Columns, slot: u32) {
        if let Some((_, metadata)) = self.entries.remove(&slot) {
            columns.remove(slot, &metadata);
            self.live.remove(slot);
        }
    }

    fn check(&self, columns: &Columns, filter: &Filter, slots: u32) -> usize {
        let mut found = SlotSet::default();
        columns.select(filter, slots, self, &mut Vec::new(), &mut found);
        let matching = self.entries.iter().filter(|(_, (id, object))| filter.matches(id, object));
        let expected: Vec<_> = matching.map(|(&slot, _)| slot).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        expected.len()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(STEP);
        usize::try_from(mix(self.0) % end as u64).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, those: &[&'a T]) -> &'a T {
        those[self.below(those.len())]
    }

    fn key(&mut self) -> &'static str {
        self.of(&["a", "b", "c", "a.b", ""])
    }

    fn text(&mut self) -> String {
        match self.below(8) {
            // At the limit of what is indexed, and beyond it.
            0 => "ab".repeat(128),
            1 => "ab".repeat(128) + self.of(&["a", "b", "ab"]),
            2 => "b".repeat(257),
            _ => self.of(&["", "a", "ab", "b", "bab", "abc", "z"]).to_owned(),
        }
    }

    fn number(&mut self) -> Number {
        let large = 1_i64 << 60;
        match self.below(10) {
            0 => Number::from(u64::MAX),
            1 => Number::from(large + 1),
            2 => Number::from(large),
            3 => Number::try_from(large as f64).unwrap(),
            4 => Number::try_from(1e300).unwrap(),
            5 => Number::from(i64::MIN),
            6 => Number::try_from(self.below(5) as f64 / 2.0).unwrap(),
            _ => Number::from(self.below(5) as i64 - 2),
        }
    }

    fn scalar(&mut self) -> Value {
        match self.below(5) {
            0 => (self.below(2) == 0).into(),
            1 | 2 => self.number().into(),
            _ => self.text().into(),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(9) {
            0 => Value::Null,
            1 | 2 if depth > 0 => self.object(depth - 1).into(),
            3 | 4 if depth > 0 => {
                let len = self.below(4);
                Value::Array((0..len).map(|_| self.value(depth - 1)).collect())
            }
            _ => self.scalar(),
        }
    }

    fn object(&mut self, depth: usize) -> Object {
        (0..self.below(4)).map(|_| (self.key().to_owned(), self.value(depth))).collect()
    }

    /// An object with one value at `n`, now and then two, so that the column has one value a slot
    /// at times and at times has not.
    fn entry(&mut self) -> Object {
        let mut object = self.object(4);
        let n = match self.below(600) {
            0 => Value::Array(vec![self.scalar(), self.scalar()]),
            _ => self.scalar(),
        };
        object.insert("n".to_owned(), n);
        object
    }

    fn path(&mut self) -> FieldPath {
        let keys = ["a", "b", "c", r"a\.b", "", "a.b", "a.a", "b.a", "a.b.c", "c.c", "x", "a.x"];
        FieldPath::new(self.of(&keys))
    }

    fn bound(&mut self) -> Value {
        match self.below(2) {
            0 => self.number().into(),
            _ => self.text().into(),
        }
    }

    /// Two comparisons of one path, among them ranges with two ends.
    fn range(&mut self) -> Filter {
        let path = if self.below(4) == 0 { self.path() } else { FieldPath::new("n") };
        let ops = [Op::Gt, Op::Gte, Op::Lt, Op::Lte];
        let mut end = || Filter::Field(path.clone(), ops[self.below(4)](self.bound()));
        Filter::And(vec![end(), end()])
    }

    fn op(&mut self) -> Op {
        let several = |random: &mut Self| {
            let more = random.below(4);
            (0..=more).map(|_| random.scalar()).collect()
        };
        match self.below(11) {
            0 => Op::Eq(self.scalar()),
            1 => Op::Ne(self.scalar()),
            2 => Op::Gt(self.bound()),
            3 => Op::Gte(self.bound()),
            4 => Op::Lt(self.bound()),
            5 => Op::Lte(self.bound()),
            6 => Op::In(several(self)),
            7 => Op::Nin(several(self)),
            8 => Op::Exists(self.below(2) == 0),
            9 => Op::Contains(self.scalar()),
            _ => Op::StartsWith(self.text()),
        }
    }

    fn filter(&mut self, depth: usize) -> Filter {
        let several = |random: &mut Self, least: usize| {
            let len = least + random.below(4);
            (0..len).map(|_| random.filter(depth - 1)).collect()
        };
        match self.below(9) {
            0 | 1 if depth > 0 => Filter::And(several(self, 0)),
            2 | 3 if depth > 0 => Filter::Or(several(self, 1)),
            4 if depth > 0 => !self.filter(depth - 1),
            5 => Filter::HasId((0..20).map(|_| format!("id {}", self.below(300))).collect()),
            6 => self.range(),
            _ => Filter::Field(self.path(), self.op()),
        }
    }
}

/// The decisive test: whatever was added, changed and removed, and whatever is asked.
#[test]
fn what_is_selected_is_what_matches() {
    const SLOTS: u32 = 200;
    let (mut columns, mut model, mut random) = (Columns::default(), Model::default(), Random(7));
    model.live.reset(SLOTS);
    let (mut some, mut none, mut all) = (0, 0, 0);
    for round in 0..1_500 {
        for _ in 0..5 {
            let slot = u32::try_from(random.below(SLOTS as usize)).unwrap();
            // Grows, and shrinks, and grows again.
            match random.below(10) < if round / 300 % 2 == 0 { 8 } else { 3 } {
                true => model.put(&mut columns, slot, random.entry()),
                false => model.remove(&mut columns, slot),
            }
        }
        if round % 50 == 0 {
            columns = read(&columns, SLOTS);
        }
        for _ in 0..8 {
            let filter = random.filter(3);
            filter.validate().unwrap();
            match model.check(&columns, &filter, SLOTS) {
                0 => none += 1,
                found if found == model.entries.len() => all += 1,
                _ => some += 1,
            }
        }
    }
    assert!(some > 4_000 && none > 500 && all > 500, "{some} {none} {all} ask too little");

    (0..SLOTS).for_each(|slot| model.remove(&mut columns, slot));
    assert!(columns.fields.0.is_empty());
    assert_eq!(columns.bytes(), 0);
}

/// The same columns, written and read.
fn read(columns: &Columns, slots: u32) -> Columns {
    let mut bytes = Vec::new();
    columns.write(&mut bytes);
    let mut rest = &*bytes;
    let again = Columns::read(&mut rest, slots).unwrap();
    assert!(rest.is_empty());
    let mut same = Vec::new();
    again.write(&mut same);
    assert!(same == bytes, "what is read is what was written");
    again
}

/// Bytes that were changed or cut are columns that could be, or none.
#[test]
fn what_is_read_is_not_believed() {
    let (mut columns, mut model, mut random) = (Columns::default(), Model::default(), Random(5));
    let slots = 9_000;
    model.live.reset(slots);
    for slot in 0..slots {
        let mut metadata = if slot % 40 == 0 { random.object(2) } else { Object::new() };
        metadata.insert("odd".to_owned(), (slot % 2 == 1).into());
        metadata.insert("third".to_owned(), (slot % 3).into());
        model.put(&mut columns, slot, metadata);
    }
    let mut bytes = Vec::new();
    columns.write(&mut bytes);
    let mut refused = 0;
    for _ in 0..600 {
        let mut bytes = bytes.clone();
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        match Columns::read(&mut &*bytes, slots) {
            None => refused += 1,
            Some(mut columns) => {
                let filter = random.filter(3);
                let (mut spare, mut found) = (Vec::new(), SlotSet::default());
                columns.select(&filter, slots, &model, &mut spare, &mut found);
                model.entries.iter().for_each(|(&slot, (_, object))| columns.remove(slot, object));
                columns.add(7, &model.entries[&7].1);
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

/// Every operator by itself, over slots of several chunks of a posting.
#[test]
fn slots_far_apart_are_told_apart() {
    let (mut columns, mut model, mut random) = (Columns::default(), Model::default(), Random(11));
    let slots = 300_000;
    model.live.reset(slots);
    for slot in (0..slots).step_by(997) {
        model.put(&mut columns, slot, random.object(3));
    }
    let columns = read(&columns, slots);
    for _ in 0..500 {
        model.check(&columns, &Filter::Field(random.path(), random.op()), slots);
    }
}

fn object(json: &str) -> Object {
    serde_json::from_str(json).unwrap()
}

/// One slot may have a value by several routes; it has it once, and takes it along once.
#[test]
fn a_value_by_several_routes_is_added_and_removed_as_one() {
    let twice = r#"{"a": [{"b": 1}, {"b": 1.0}, [{"b": [1, 1]}], {"b": null}], "c": "x"}"#;
    let (twice, once) = (object(twice), object(r#"{"a": {"b": 1}}"#));
    let mut columns = Columns::default();
    columns.add(0, &twice);
    columns.add(1, &once);
    let mut model = Model::default();
    model.live.reset(2);
    model.live.insert(1);
    columns.remove(0, &twice);
    let mut found = SlotSet::default();
    let filter = Filter::Field(FieldPath::new("a.b"), Op::Eq(1.into()));
    columns.select(&filter, 2, &model, &mut Vec::new(), &mut found);
    assert_eq!(found.iter().collect::<Vec<_>>(), [1]);
    assert_eq!(columns.fields.0.len(), 1, "the column of `c` is gone");
    columns.remove(1, &once);
    assert!(columns.fields.0.is_empty());
}

/// Null, and what holds nothing else, makes no column.
#[test]
fn nothing_leaves_nothing() {
    let mut columns = Columns::default();
    columns.add(0, &object(r#"{"a": null, "b": [], "c": {"d": [null, {}]}, "e": {}}"#));
    assert!(columns.fields.0.is_empty());
    columns.add(0, &object(r#"{"a": [null, 1], "b": null}"#));
    columns.remove(0, &object(r#"{"a": [null, 1], "b": null}"#));
    assert!(columns.fields.0.is_empty());
}

/// An entry is read only where a long string could decide, and only if nothing else has.
#[test]
fn entries_are_read_for_long_strings_alone() {
    struct Counting(Model, std::cell::Cell<usize>);

    impl Entries for Counting {
        fn live(&self) -> &SlotSet {
            self.0.live()
        }

        fn slot_of(&self, id: &str) -> Option<u32> {
            self.0.slot_of(id)
        }

        fn matches(&self, slot: u32, path: &FieldPath, op: &Op) -> bool {
            self.1.set(self.1.get() + 1);
            self.0.matches(slot, path, op)
        }
    }

    let (mut columns, mut model) = (Columns::default(), Model::default());
    let long = "long ".repeat(60);
    model.live.reset(100);
    for slot in 0..100 {
        let text = if slot < 10 { long.as_str() } else { "short" };
        let number = Value::from(slot / 5);
        model.put(
            &mut columns,
            slot,
            BTreeMap::from([("n".into(), number), ("t".into(), text.into())]),
        );
    }
    let counting = Counting(model, 0.into());
    let reads = |json: &str| {
        let filter: Filter = serde_json::from_str(json).unwrap();
        counting.1.set(0);
        let found = counting.0.check(&columns, &filter, 100);
        columns.select(&filter, 100, &counting, &mut Vec::new(), &mut SlotSet::default());
        (found, counting.1.get())
    };
    assert_eq!(reads(r#"{"t": "short"}"#), (90, 0));
    assert_eq!(reads(r#"{"t": {"$ne": "short"}}"#), (10, 0));
    assert_eq!(reads(r#"{"t": {"$exists": true}}"#), (100, 0));
    assert_eq!(reads(r#"{"t": {"$gt": 5}}"#), (0, 0));
    assert_eq!(reads(r#"{"t": {"$contains": "ng lo"}}"#), (10, 10));
    assert_eq!(reads(&format!(r#"{{"t": "{long}"}}"#)), (10, 10));
    assert_eq!(reads(r#"{"n": 1, "t": {"$starts_with": "lo"}}"#), (5, 5));
    assert_eq!(reads(r#"{"n": 7, "t": {"$starts_with": "lo"}}"#), (0, 0));
    assert_eq!(reads(r#"{"n": 99, "t": {"$contains": "lo"}}"#), (0, 0));
}
