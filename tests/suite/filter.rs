//! Filters of any shape: what is printed is read back as the same, and means the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use vicino::{Filter, Number, Object, Value, field};

/// Keys that a spelling could mistake for something else.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[$.\\\\\\[\\]a]{0,4}",
        Just("must".to_owned()),
        Just("should".to_owned()),
        Just("key".to_owned()),
        Just("$and".to_owned()),
    ]
}

/// A text that is a path.
fn path() -> impl Strategy<Value = String> {
    let escaped = |key: String| key.replace('\\', r"\\").replace('.', r"\.");
    vec(key().prop_map(escaped), 1..3).prop_map(|keys| keys.join("."))
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        (-2_i64..3).prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        prop::num::f64::NORMAL.prop_map(|float| Number::try_from(float).unwrap()),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        number().prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => scalar(), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(Value::from),
        ]
    })
}

fn condition() -> impl Strategy<Value = Filter> {
    let ordered = prop_oneof![number().prop_map(Value::from), "[ab]{0,2}".prop_map(Value::from)];
    (path(), 0..11, scalar(), ordered, vec(scalar(), 1..4), "[ab]{0,2}").prop_map(
        |(path, op, value, ordered, values, text)| {
            let field = field(&path);
            match op {
                0 => field.eq(value),
                1 => field.ne(value),
                2 => field.gt(ordered),
                3 => field.gte(ordered),
                4 => field.lt(ordered),
                5 => field.lte(ordered),
                6 => field.is_in(values),
                7 => field.nin(values),
                8 => field.exists(value == Value::from(true)),
                9 => field.contains(value),
                _ => field.starts_with(text),
            }
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    let ids = vec("[a-c]", 1..3).prop_map(Filter::HasId);
    prop_oneof![8 => condition(), 1 => ids].prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 1..4).prop_map(Filter::Or),
            inner.prop_map(|filter| !filter),
        ]
    })
}

fn object() -> impl Strategy<Value = Object> {
    prop::collection::btree_map(key(), value(), 0..5)
}

fn config() -> Config {
    Config {
        cases: 500,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_filter_that_is_printed_is_read_back_as_the_same(filter in filter()) {
        prop_assert_eq!(filter.validate(), Ok(()));
        let json = serde_json::to_string(&filter).unwrap();
        let read: Filter = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &filter, "{}", json);
    }

    #[test]
    fn any_json_is_a_filter_or_an_error_and_what_is_read_prints_alike(value in value()) {
        if let Ok(filter) = Filter::try_from(&value) {
            let printed = Value::from(&filter);
            prop_assert_eq!(Filter::try_from(&printed), Ok(filter), "{:?}", printed);
        }
    }

    #[test]
    fn operators_that_are_opposites_give_opposite_answers(
        object in object(), path in path(), values in vec(scalar(), 1..4),
    ) {
        let matches = |filter: Filter| filter.matches("a", &object);
        let one = values[0].clone();
        let equal = matches(field(&path).eq(one.clone()));
        prop_assert_eq!(equal, !matches(field(&path).ne(one)));
        prop_assert_eq!(
            matches(field(&path).is_in(values.clone())),
            values.iter().any(|value| matches(field(&path).eq(value.clone())))
        );
        prop_assert_eq!(
            matches(field(&path).is_in(values.clone())),
            !matches(field(&path).nin(values))
        );
        prop_assert_eq!(
            matches(field(&path).exists(true)),
            !matches(field(&path).exists(false))
        );
        // Whatever equals a value exists.
        prop_assert!(!equal || matches(field(&path).exists(true)));
    }

    #[test]
    fn metadata_that_is_written_is_read_back_as_the_same(object in object()) {
        let json = serde_json::to_string(&object).unwrap();
        prop_assert_eq!(serde_json::from_str::<Object>(&json).unwrap(), object);
    }
}
