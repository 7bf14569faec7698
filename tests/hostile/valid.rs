//! Values at and beyond the limits that the schema sets: those beyond are refused by name, those at the limit break nothing.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use regex::Regex;
use serde_json::{Map, Value, json};
use vedtak::schema::v1::TextKind;
use vedtak::schema::{METHODS, Method, MethodKind, from_json, text_kind};

use super::frames::{Caller, framed};
use super::samples::{Rules, input, is_date};
use super::{Target, answer, count, generator, send_all};
use crate::support::new_id;

/// Values that a field of a message can hold on the wire and that its rule refuses, by what they are.
pub fn out_of_range(field: &FieldDescriptor) -> Vec<(&'static str, Value)> {
    let rules = Rules::of(field);
    if field.is_list() {
        let repeated = rules.sub("repeated");
        let most = usize::try_from(repeated.number("max_items").unwrap()).unwrap();
        let item = match field.kind() {
            Kind::Message(inner) if inner.package_name() == "vedtak.v1" => json!({}),
            Kind::String => json!(new_id()),
            _ => return Vec::new(),
        };
        return vec![("too many items", json!(vec![item; most + 1]))];
    }
    match field.kind() {
        Kind::String => text(field, &rules.sub("string")),
        Kind::Int32 => number(&rules.sub("int32")),
        Kind::Int64 => number(&rules.sub("int64")),
        Kind::Enum(_) if rules.sub("enum").refuses_zero() => vec![
            ("an unknown value", json!(9999)),
            ("no value", json!(0)),
            ("minus one", json!(-1)),
        ],
        Kind::Enum(_) => vec![
            ("an unknown value", json!(9999)),
            ("minus one", json!(-1)),
            ("the largest", json!(i32::MAX)),
        ],
        Kind::Message(_) if rules.flag("required") => vec![("nothing", Value::Null)],
        _ => Vec::new(),
    }
}

fn text(field: &FieldDescriptor, rules: &Rules) -> Vec<(&'static str, Value)> {
    let mut wrong = vec![("U+0000", json!("a\0b"))];
    if rules.flag("uuid") || is_date(field) || rules.text("pattern").is_some() {
        wrong.extend([
            ("nothing", json!("")),
            ("emoji", json!("🦊")),
            ("a line break", json!("2024-05-01\n")),
            ("a long text", json!("9".repeat(100_000))),
        ]);
        if is_date(field) {
            wrong.extend([
                ("a year long past", json!("1899-12-31")),
                ("a year far off", json!("2200-01-01")),
            ]);
        }
        return wrong;
    }
    let most = usize::try_from(rules.number("max_len").unwrap()).unwrap();
    wrong.push(("one too long", json!("ø".repeat(most + 1))));
    if rules.number("min_len").unwrap_or_default() > 0 {
        wrong.push(("nothing", json!("")));
    }
    match text_kind(field.full_name()) {
        Some(TextKind::Identifying) => wrong.extend([
            ("a blank at the end", json!("Tekst ")),
            ("a line break", json!("Te\nkst")),
            ("what is not seen", json!("Te\u{200B}kst")),
            ("another normal form", json!("Te\u{301}kst")),
            ("nothing to be seen", json!("\u{2800}")),
        ]),
        _ => wrong.push(("a turn of direction", json!("Te\u{202E}kst"))),
    }
    wrong
}

fn number(rules: &Rules) -> Vec<(&'static str, Value)> {
    let below = rules
        .number("gte")
        .and_then(|least| least.checked_sub(1))
        .map(|value| ("one too low", json!(value)));
    let above = rules
        .number("lte")
        .and_then(|most| most.checked_add(1))
        .map(|value| ("one too high", json!(value)));
    below.into_iter().chain(above).collect()
}

/// A request whose every field is at one of its limits; the ids are few, so that commands meet what others have made.
fn extreme(message: &MessageDescriptor, ids: &[String], random: &mut StdRng) -> Value {
    let mut fields = Map::new();
    let of_many: Vec<_> = message.oneofs().filter(|one_of| one_of.fields().len() > 1).collect();
    let chosen: Vec<FieldDescriptor> = of_many
        .iter()
        .map(|one_of| {
            one_of
                .fields()
                .nth(random.random_range(0..one_of.fields().len()))
                .unwrap()
        })
        .collect();
    for field in message.fields() {
        if field.containing_oneof().is_some_and(|one_of| of_many.contains(&one_of)) && !chosen.contains(&field) {
            continue;
        }
        if field.name() == "expected_version"
            || (field.supports_presence() && field.kind().as_message().is_none() && random.random_bool(0.4))
        {
            continue;
        }
        let rules = Rules::of(&field);
        let value = if field.is_list() {
            let repeated = rules.sub("repeated");
            let most = repeated.number("max_items").unwrap().min(12);
            let many = random.random_range(repeated.number("min_items").unwrap_or_default()..=most);
            (0..many)
                .map(|_| limit(&field, &repeated.sub("items"), ids, random))
                .collect()
        } else {
            limit(&field, &rules, ids, random)
        };
        fields.insert(field.name().to_owned(), value);
    }
    Value::Object(fields)
}

fn limit(field: &FieldDescriptor, rules: &Rules, ids: &[String], random: &mut StdRng) -> Value {
    let either = |low: Option<i64>, high: Option<i64>, random: &mut StdRng| {
        let (low, high) = (low.unwrap_or(i64::from(i32::MIN)), high.unwrap_or(i64::from(i32::MAX)));
        *[low, high, low + 1, high - 1, 0.clamp(low, high), 1.clamp(low, high)]
            .choose(random)
            .unwrap()
    };
    match field.kind() {
        Kind::String => limit_of_text(field, &rules.sub("string"), ids, random),
        Kind::Bool => json!(random.random_bool(0.5)),
        Kind::Int32 => json!(either(
            rules.sub("int32").number("gte"),
            rules.sub("int32").number("lte"),
            random
        )),
        Kind::Int64 => json!(either(
            rules.sub("int64").number("gte"),
            rules.sub("int64").number("lte"),
            random
        )),
        Kind::Enum(kind) => {
            let values: Vec<i32> = kind
                .values()
                .map(|value| value.number())
                .filter(|number| *number > 0)
                .collect();
            json!(values.choose(random).unwrap())
        }
        Kind::Message(inner) if inner.package_name() == "vedtak.v1" => extreme(&inner, ids, random),
        Kind::Message(_) => json!(
            ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]
                .choose(random)
                .unwrap()
        ),
        other => panic!("{} is a {other:?}, which requests do not hold", field.full_name()),
    }
}

fn limit_of_text(field: &FieldDescriptor, rules: &Rules, ids: &[String], random: &mut StdRng) -> Value {
    if field.name() == "request_id" {
        return json!(new_id());
    }
    if rules.flag("uuid") {
        return json!(ids.choose(random).unwrap());
    }
    if is_date(field) {
        let dates = [
            "1900-01-01",
            "1999-12-31",
            "2000-02-29",
            "2024-02-29",
            "2025-01-01",
            "2025-12-31",
            "2199-12-31",
        ];
        return json!(dates.choose(random).unwrap());
    }
    if let Some(pattern) = rules.text("pattern") {
        let pattern = Regex::new(&pattern).unwrap();
        let known = [
            "1900",
            "2199",
            "2024",
            "974760673",
            "000000000",
            "999999999",
            "1900-01",
            "2199-12",
            "2199-Q4",
            "2024-05",
            "00:00",
            "23:59",
            &"f".repeat(64),
            &ids[0],
        ];
        let known: Vec<&str> = known
            .into_iter()
            .chain(["regional-cooperation", "stage-gate"])
            .filter(|text| pattern.is_match(text))
            .collect();
        return json!(known.choose(random).expect("a text for every pattern"));
    }
    let most = usize::try_from(rules.number("max_len").unwrap()).unwrap();
    let letters = match text_kind(field.full_name()) {
        Some(TextKind::Free) => ["a", "🦊", "\u{200E}", "\u{7F}", "%", "\"", "\\", "e\u{301}"],
        _ => ["a", "🦊", "é", "ß", "%", "\"", "\\", "0"],
    };
    let letter = *letters.choose(random).unwrap();
    let times = most / letter.chars().count();
    json!(letter.repeat(*[1, times.max(1), times.min(50)].choose(random).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn values_at_their_limits_are_judged_and_break_nothing() {
    let target = Target::start().await;
    let ids: Vec<String> = std::iter::once(target.project_id.clone())
        .chain((0..3).map(|_| new_id()))
        .collect();
    let commands: Vec<&Method> = METHODS
        .iter()
        .filter(|method| method.kind == MethodKind::Command)
        .collect();
    let mut random = generator(20);
    let cases: Vec<(&Method, Vec<u8>)> = (0..count(20_000))
        .map(|_| {
            let method = *commands.choose(&mut random).unwrap();
            let mut request = extreme(&input(method), &ids, &mut random);
            if let Some(project) = request.get_mut("project_id") {
                *project = json!(ids[0]);
            }
            if random.random_bool(0.7) {
                // Most are decided on a day that has been, so that more than the date is judged.
                request["context"]["effective_date"] = json!("2025-06-01");
            }
            (method, from_json(method.input, request).unwrap())
        })
        .collect();
    let caller = Caller::connect(&target).await;
    send_all(
        "gRPC, values at their limits",
        cases,
        async |(method, message): (&Method, Vec<u8>)| {
            let answer = caller
                .send(caller.authorized(method.grpc_path), framed(&message))
                .await
                .map_err(|problem| format!("{}: {problem}", method.name))?;
            match answer.status {
                Some(status) if status.code() == tonic::Code::Ok => Ok(()),
                Some(status) => answer::refusal(&status, true, None, &target.token)
                    .map_err(|problem| format!("{}: {problem}", method.name)),
                None => Err(format!("{}: HTTP {}", method.name, answer.http)),
            }
        },
    )
    .await;
    // Whatever was accepted can be read in every way.
    let project = format!("/v1/projects/{}", target.project_id);
    let of_project = |path: &str| {
        path.strip_prefix("/v1/projects/{project_id}")
            .is_some_and(|rest| !rest.contains('{'))
    };
    for query in METHODS
        .iter()
        .filter(|method| method.kind == MethodKind::Query && of_project(method.path))
    {
        target
            .get(&query.path.replace("{project_id}", &target.project_id))
            .await;
    }
    let head = target.get("/v1/ledger/head").await;
    target
        .get(&format!("/v1/projects?at_least={}", head["position"].as_str().unwrap()))
        .await;
    target
        .get(&format!(
            "/v1/ledger/audit-trail?stream=project/{}&page_size=1000",
            target.project_id
        ))
        .await;
    target.get(&format!("{project}?as_of.position=2")).await;
}
