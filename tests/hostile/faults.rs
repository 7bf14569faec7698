//! What can be wrong with one field, by its type and its rules in the schema.

use prost_reflect::{FieldDescriptor, Kind};

use super::samples::{Rules, is_date};

/// A wrong value, as the JSON text that takes the place of the right one.
pub type Fault = String;

/// Every fault of one field.
pub fn faults(field: &FieldDescriptor) -> Vec<Fault> {
    let rules = Rules::of(field);
    if field.is_list() {
        return list(&rules.sub("repeated"));
    }
    let mut faults = of_kind(field, &rules);
    if rules.flag("required") {
        faults.push("null".to_owned());
    }
    // The value itself and then the same name again.
    faults.push(format!("null, \"{}\": null", field.name()));
    faults
}

fn owned(faults: &[&str]) -> Vec<Fault> {
    faults.iter().map(|&fault| fault.to_owned()).collect()
}

fn list(rules: &Rules) -> Vec<Fault> {
    let mut faults = owned(&["\"x\"", "5", "true", "{}", "{\"0\": 1}", "[[]]", "[null]", "[1e400]"]);
    let most = rules.number("max_items").unwrap();
    faults.push(format!(
        "[{}]",
        vec!["{}"; usize::try_from(most).unwrap() + 1].join(",")
    ));
    if rules.number("min_items").unwrap_or_default() > 0 {
        faults.extend(owned(&["[]", "null"]));
    }
    faults
}

fn of_kind(field: &FieldDescriptor, rules: &Rules) -> Vec<Fault> {
    match field.kind() {
        Kind::String => text(field, &rules.sub("string")),
        Kind::Bool => owned(&["\"true\"", "\"\"", "0", "1", "1.5", "[]", "{}", "\"yes\""]),
        Kind::Int32 => number(&rules.sub("int32"), i64::from(i32::MIN), i64::from(i32::MAX)),
        Kind::Int64 => number(&rules.sub("int64"), i64::MIN, i64::MAX),
        Kind::Enum(_) => {
            let mut faults = owned(&[
                "\"NOPE\"",
                "\"\"",
                "9999",
                "-1",
                "1.5",
                "2147483648",
                "true",
                "[]",
                "{}",
                "1e400",
            ]);
            if rules.sub("enum").refuses_zero() {
                faults.push("0".to_owned());
            }
            faults
        }
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => owned(&[
            "5",
            "\"\"",
            "\"yesterday\"",
            "\"10000-01-01T00:00:00Z\"",
            "\"2024-13-01T00:00:00Z\"",
            "\"2024-05-01\"",
            "{}",
            "[]",
        ]),
        Kind::Message(_) => owned(&[
            "\"x\"",
            "\"\"",
            "5",
            "true",
            "[]",
            "[{}]",
            "{\"nope\": 1}",
            "{\"\": null}",
            "1e400",
            "NaN",
        ]),
        other => panic!("{} is a {other:?}, which requests do not hold", field.full_name()),
    }
}

fn text(field: &FieldDescriptor, rules: &Rules) -> Vec<Fault> {
    let mut faults = owned(&[
        "5",
        "1.5",
        "true",
        "[]",
        "[\"a\"]",
        "{}",
        "{\"a\": 1}",
        "\"\\ud800\"",
        "\"\\x41\"",
        "\"a\u{1}\"",
        "\"open",
    ]);
    faults.push("\"a\\u0000b\"".to_owned());
    let strict = if rules.flag("uuid") {
        owned(&[
            "\"\"",
            "\"not-a-uuid\"",
            "\"0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0\"",
            "\"0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0ee\"",
            "\"0190B2F4-7C1E-7D2A-9C3E-5F6A7B8C9D0E\"",
            "\"{0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e}\"",
            "\"urn:uuid:0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e\"",
            "\"0190b2f47c1e7d2a9c3e5f6a7b8c9d0e\"",
            "\"0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0æ\"",
            "\" 0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e\"",
        ])
    } else if is_date(field) {
        owned(&[
            "\"\"",
            "\"2024-02-30\"",
            "\"2024-1-1\"",
            "\"20240101\"",
            "\"0000-00-00\"",
            "\"2024-05-01T00:00:00Z\"",
            "\"-2024-05-1\"",
            "\"+002024-05\"",
            "\"2024-W01-1\"",
            "\"2024-05-0١\"",
            "\"9999999-01-01\"",
            "\"today\"",
        ])
    } else if rules.text("pattern").is_some() {
        owned(&["\"\"", "\"Æ\"", "\"2024\\n\"", "\"974760673 \"", "\"ZZZZ\""])
    } else {
        let most = usize::try_from(rules.number("max_len").unwrap()).unwrap();
        let mut long = vec![
            format!("\"{}\"", "a".repeat(most + 1)),
            format!("\"{}\"", "🦊".repeat(most + 1)),
        ];
        if rules.number("min_len").unwrap_or_default() > 0 {
            long.push("\"\"".to_owned());
        }
        long
    };
    faults.extend(strict);
    // Far beyond every limit of a field, yet within that of a request.
    faults.push(format!("\"{}\"", "x".repeat(100_000)));
    faults
}

fn number(rules: &Rules, least: i64, most: i64) -> Vec<Fault> {
    let mut faults = owned(&[
        "\"abc\"",
        "\"\"",
        "\"0x10\"",
        "\" 1\"",
        "1.5",
        "\"1.5\"",
        "1e400",
        "-1e400",
        "\"1e400\"",
        "NaN",
        "Infinity",
        "\"NaN\"",
        "true",
        "[]",
        "[1]",
        "{}",
        "9223372036854775808",
        "\"9223372036854775808\"",
        "-9223372036854775809",
        "01",
        "+1",
        "0x1F",
        "1_000",
    ]);
    faults.push((i128::from(most) + 1).to_string());
    faults.push((i128::from(least) - 1).to_string());
    if let Some(least) = rules.number("gte") {
        faults.push((i128::from(least) - 1).to_string());
    }
    if let Some(most) = rules.number("lte") {
        faults.push((i128::from(most) + 1).to_string());
    }
    faults
}
