//! What filters mean, and what is refused, case by case.

use super::*;

fn read(json: &str) -> Result<Filter, Error> {
    let value: Value = serde_json::from_str(json).unwrap();
    Filter::try_from(&value)
}

#[test]
fn a_filter_means_what_the_documentation_says() {
    let metadata = r#"{
        "year": 2020, "price": 9.5, "big": 18446744073709551615, "title": "On Rust",
        "draft": false, "nothing": null, "empty": [], "nulls": [null], "hollow": {"a": null},
        "tags": ["ab", "b", 3], "deep": [[1], [[2]]],
        "author": {"name": "Ann", "born": 1970}, "parts": [{"n": 1}, {"n": 2, "s": ["x"]}],
        "a.b": 1, "$x": 2, "must": "go"
    }"#;
    let metadata: Object = serde_json::from_str(metadata).unwrap();
    let yes = [
        r#"{}"#,
        r#"{"year": 2020}"#,
        r#"{"year": 2020.0}"#,
        r#"{"year": {"$gt": 2019.5, "$lte": 2020}}"#,
        r#"{"price": {"$gte": 9.5, "$lt": 10}}"#,
        r#"{"big": {"$gt": 18446744073709551614}}"#,
        r#"{"title": {"$contains": "Rust"}}"#,
        r#"{"title": {"$starts_with": "On"}}"#,
        r#"{"title": {"$gt": "On", "$lt": "Oo"}}"#,
        r#"{"draft": false}"#,
        r#"{"tags": "ab"}"#,
        r#"{"tags": 3}"#,
        r#"{"tags": {"$contains": "b"}}"#,
        r#"{"tags": {"$starts_with": "a"}}"#,
        r#"{"tags": {"$in": ["z", "ab"]}}"#,
        r#"{"tags": {"$nin": ["z", "y"]}}"#,
        r#"{"deep": 2}"#,
        r#"{"author.name": "Ann", "author.born": {"$lt": 1980}}"#,
        r#"{"parts.n": 2, "parts.s": {"$contains": "x"}}"#,
        r#"{"parts.n": {"$not": {"$gt": 2}}}"#,
        r#"{"author": {"$exists": true}}"#,
        r#"{"nothing": {"$exists": false}}"#,
        r#"{"empty": {"$exists": false}, "nulls": {"$exists": false}}"#,
        r#"{"hollow": {"$exists": false}, "hollow.a": {"$exists": false}}"#,
        r#"{"nothing": {"$ne": 1}, "missing": {"$ne": 1}, "gone.far": {"$nin": [1]}}"#,
        r#"{"$not": {"missing": 1}}"#,
        r#"{"a\\.b": 1, "\\$x": 2}"#,
        r#"{"must": "go"}"#,
        r#"{"must": {"$starts_with": "g"}}"#,
        r#"{"$or": [{"year": 1}, {"$and": [{"year": 2020}]}]}"#,
        r#"{"$has_id": ["other", "id"]}"#,
    ];
    let no = [
        r#"{"year": "2020"}"#,
        r#"{"title": 1}"#,
        r#"{"draft": 0}"#,
        r#"{"title": {"$gt": 1}}"#,
        r#"{"title": "on rust"}"#,
        r#"{"year": {"$contains": 2020}}"#,
        r#"{"tags": {"$contains": "a"}}"#,
        r#"{"tags": {"$ne": "b"}}"#,
        r#"{"tags": {"$nin": ["b"]}}"#,
        r#"{"missing": {"$lt": 1}}"#,
        r#"{"missing": {"$in": [1, false]}}"#,
        r#"{"nothing": {"$exists": true}}"#,
        r#"{"a.b": 1}"#,
        r#"{"author": "Ann"}"#,
        r#"{"big": 18446744073709551614}"#,
        r#"{"$not": {}}"#,
        r#"{"$has_id": ["other"]}"#,
    ];
    for (expected, cases) in [(true, &yes[..]), (false, &no[..])] {
        for json in cases {
            let filter = read(json).unwrap();
            assert_eq!(filter.matches("id", &metadata), expected, "{json}");
            let printed = serde_json::to_string(&filter).unwrap();
            assert_eq!(read(&printed).unwrap(), filter, "{json} became {printed}");
        }
    }
}

#[test]
fn the_second_spelling_is_read_as_the_first() {
    for (second, first) in [
        (r#"{"must": []}"#, r#"{}"#),
        (r#"{"must": [{"key": "a", "match": {"value": 1}}]}"#, r#"{"a": 1}"#),
        (r#"{"must": {"key": "a", "match": {"any": [1, 2]}}}"#, r#"{"a": {"$in": [1, 2]}}"#),
        (
            r#"{"must_not": {"key": "a", "match": {"except": [1]}}}"#,
            r#"{"$not": {"a": {"$nin": [1]}}}"#,
        ),
        (
            r#"{"should": [{"key": "a", "match": {"text": "x"}}]}"#,
            r#"{"$or": [{"a": {"$contains": "x"}}]}"#,
        ),
        (
            r#"{"must": {"key": "a[].b", "match": {"prefix": "x"}}}"#,
            r#"{"a.b": {"$starts_with": "x"}}"#,
        ),
        (
            r#"{"must": {"key": "a", "range": {"gt": 1, "lte": 2}}}"#,
            r#"{"a": {"$gt": 1, "$lte": 2}}"#,
        ),
        (r#"{"must": [{"is_empty": {"key": "a"}}]}"#, r#"{"a": {"$exists": false}}"#),
        (r#"{"must": {"key": "a[].b[]", "match": {"value": 1}}}"#, r#"{"a.b": 1}"#),
        (r#"{"must": {"key": "a\\[\\]", "match": {"value": 1}}}"#, r#"{"a[]": 1}"#),
        (r#"{"must": [{"is_null": {"key": "a"}}]}"#, r#"{"a": {"$exists": false}}"#),
        (r#"{"must": [{"has_id": ["x"]}]}"#, r#"{"$has_id": ["x"]}"#),
        (
            r#"{"must": {"should": [{"has_id": ["x"]}, {"must_not": {"has_id": ["y"]}}]}}"#,
            r#"{"$or": [{"$has_id": ["x"]}, {"$not": {"$has_id": ["y"]}}]}"#,
        ),
    ] {
        assert_eq!(read(second), read(first), "{second}");
    }
}

#[test]
fn what_is_not_understood_is_an_error_that_says_where() {
    let long = format!(r#"{{"{}": {{"{}": 1}}}}"#, "k".repeat(1 << 20), "l".repeat(1 << 20));
    let deep = r#"{"$not": "#.repeat(14) + "{}" + &"}".repeat(14);
    for (json, at) in [
        ("[]", ""),
        (r#"{"$xor": []}"#, "/$xor"),
        (r#"{"$and": []}"#, "/$and"),
        (r#"{"$or": [{"a": 1}, 2]}"#, "/$or/1"),
        (r#"{"$or": {}}"#, "/$or"),
        (r#"{"a": null}"#, "/a"),
        (r#"{"a": [1]}"#, "/a"),
        (r#"{"a": {}}"#, "/a"),
        (r#"{"a": {"b": 1}}"#, "/a/b"),
        (r#"{"a": {"$gte": true}}"#, "/a/$gte"),
        (r#"{"a": {"$in": []}}"#, "/a/$in"),
        (r#"{"a": {"$in": [1, null]}}"#, "/a/$in"),
        (r#"{"a": {"$in": 1}}"#, "/a/$in"),
        (r#"{"a": {"$exists": 1}}"#, "/a/$exists"),
        (r#"{"a": {"$starts_with": 1}}"#, "/a/$starts_with"),
        (r#"{"a": {"$regex": "x"}}"#, "/a/$regex"),
        (r#"{"a": {"$not": 1}}"#, "/a/$not"),
        (r#"{"$has_id": []}"#, "/$has_id"),
        (r#"{"$has_id": ["a", 7]}"#, "/$has_id/1"),
        (r#"{"should": []}"#, "/should"),
        (r#"{"must": [], "year": 1}"#, "/year"),
        (r#"{"must": [{"year": 1}]}"#, "/must/0/year"),
        (r#"{"must": [{"key": "a"}]}"#, "/must/0"),
        (r#"{"must": [{"key": "a[0]", "match": {"value": 1}}]}"#, "/must/0/key"),
        (r#"{"must": [{"key": "a[]b", "match": {"value": 1}}]}"#, "/must/0/key"),
        (r#"{"must": [{"key": "\"a.b\"", "match": {"value": 1}}]}"#, "/must/0/key"),
        (r#"{"a/~": null}"#, "/a~1~0"),
        (r#"{"must": [{"key": 1, "match": {"value": 1}}]}"#, "/must/0/key"),
        (r#"{"must": [{"key": "a", "match": {"value": 1, "any": [1]}}]}"#, "/must/0/match"),
        (r#"{"must": [{"key": "a", "match": {"phrase": "x"}}]}"#, "/must/0/match/phrase"),
        (r#"{"must": [{"key": "a", "match": {"any": []}}]}"#, "/must/0/match/any"),
        (r#"{"must": [{"key": "a", "range": {}}]}"#, "/must/0/range"),
        (r#"{"must": [{"key": "a", "range": {"gt": null}}]}"#, "/must/0/range/gt"),
        (r#"{"must": [{"key": "a", "geo_radius": {}}]}"#, "/must/0/geo_radius"),
        (r#"{"must": [{"nested": {}}]}"#, "/must/0/nested"),
        (r#"{"must": [{"is_empty": {}}]}"#, "/must/0/is_empty"),
        (&deep, &"/$not".repeat(14)),
        (&long, &format!("/{}.../{}...", "k".repeat(64), "l".repeat(64))),
    ] {
        let error = read(json).unwrap_err();
        let message = error.to_string();
        assert!(message.len() < 400, "{} bytes", message.len());
        let Error::InvalidFilter { at: place, .. } = error else { panic!("{message}") };
        assert_eq!(place, at, "{message}");
    }
}

#[test]
fn a_filter_made_in_rust_is_checked_where_it_is_used() {
    let none: [&str; 0] = [];
    for wrong in [
        field("a").is_in(none),
        field("a").eq(Value::Null),
        field("a").gt(true),
        Filter::Or(vec![]),
        Filter::HasId(vec![]),
        field("a").is_in(0..=65_536),
        (0..14).fold(Filter::all(), |filter, _| !filter),
    ] {
        assert_eq!(wrong.validate().unwrap_err().code(), "invalid_filter");
    }
    assert_eq!(field("a").is_in(0..65_536).validate(), Ok(()));
    assert_eq!((0..13).fold(Filter::all(), |filter, _| !filter).validate(), Ok(()));
}
