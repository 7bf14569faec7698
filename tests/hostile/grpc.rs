//! Hostile requests at the gRPC door: messages with wrong values, random bytes, and frames that are none.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom, IndexedRandom, SliceRandom};
use rand::{Rng, RngCore};
use serde_json::Value;
use vedtak::schema::{METHODS, Method, MethodKind, from_json};

use super::frames::{Answer, Caller, framed};
use super::samples::{input, places, sample, unary};
use super::{Target, answer, count, generator, send_all};
use crate::support::new_id;

/// One call: the path, what its headers have beside the usual, and the body as it is.
struct Case {
    name: String,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Bytes,
    /// The field that the answer must name.
    field: Option<String>,
    /// Whether a query may find nothing wrong with it.
    may_be_fine: bool,
}

impl Case {
    fn new(name: impl Into<String>, path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            headers: Vec::new(),
            body: body.into(),
            field: None,
            may_be_fine: false,
        }
    }
}

fn is_fine(answer: &Answer) -> bool {
    answer
        .status
        .as_ref()
        .is_some_and(|status| status.code() == tonic::Code::Ok)
}

async fn send(target: &Target, caller: &Caller, case: Case) -> Result<(), String> {
    let told = |problem: String| {
        format!(
            "{} {}: {problem}",
            case.name,
            case.path.chars().take(200).collect::<String>()
        )
    };
    let mut request = caller.authorized(&case.path);
    for (name, value) in &case.headers {
        if *name == "content-type" {
            request.headers_mut().unwrap().remove(*name);
        }
        request = request.header(*name, value.as_slice());
    }
    let answer = caller.send(request, case.body.clone()).await.map_err(told)?;
    if case.may_be_fine && is_fine(&answer) {
        return Ok(());
    }
    match &answer.status {
        Some(status) => answer::refusal(status, true, case.field.as_deref(), &target.token).map_err(told),
        None => answer::problem(answer.http, &answer.headers, &answer.body, None, &target.token).map_err(told),
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn key(number: u32, wire_type: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire_type))
}

/// A field of the message that stands after the right one, and so takes its place: with a wire type of its own, or a wrong value.
fn wrong_field(number: u32, random: &mut StdRng) -> (&'static str, Vec<u8>) {
    let faults: [(&'static str, Vec<u8>); 12] = [
        ("bad UTF-8", [key(number, 2), vec![4, 0xC0, 0xAF, 0xFF, 0xFE]].concat()),
        ("a huge varint", [key(number, 0), varint(1 << 63)].concat()),
        ("minus one", [key(number, 0), varint(u64::MAX)].concat()),
        ("a varint without end", [key(number, 0), vec![0xFF; 11]].concat()),
        ("a length beyond the end", [key(number, 2), varint(1 << 20)].concat()),
        ("a length of 2^63", [key(number, 2), varint(1 << 63)].concat()),
        ("eight bytes", [key(number, 1), vec![0xFF; 8]].concat()),
        ("four bytes", [key(number, 5), vec![0xFF; 4]].concat()),
        ("half of eight bytes", [key(number, 1), vec![0xFF; 4]].concat()),
        ("a group without end", key(number, 3).repeat(50)),
        ("the end of a group", key(number, 4)),
        ("wire type 7", key(number, 7)),
    ];
    faults.choose(random).unwrap().clone()
}

fn sample_bytes(method: &Method, project_id: &str) -> Vec<u8> {
    from_json(method.input, sample(&input(method), project_id)).unwrap()
}

fn random_bytes(random: &mut StdRng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(0..most)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// A message that is not what the RPC takes.
fn wrong_message(method: &Method, project_id: &str, random: &mut StdRng) -> Case {
    let query = method.kind == MethodKind::Query;
    let mut message = sample_bytes(method, project_id);
    let (name, bytes) = match random.random_range(0..6) {
        0 => ("random bytes", random_bytes(random, 300)),
        1 => {
            // Bytes of the right message, some of them changed.
            for _ in 0..random.random_range(1..6) {
                if let Some(byte) = message.choose_mut(random) {
                    *byte = random.random();
                }
            }
            ("changed bytes", message)
        }
        2 => {
            message.truncate(random.random_range(0..message.len().max(1)));
            ("half a message", message)
        }
        3 => ("no message at all", Vec::new()),
        4 => {
            // Field 4 holds a field 4 holds a field 4 …
            let mut nested = Vec::new();
            for _ in 0..random.random_range(50..2_000) {
                nested = [key(4, 2), varint(nested.len() as u64), nested].concat();
            }
            ("a deep message", [message, nested].concat())
        }
        _ => {
            let number = random.random_range(1..20);
            let (name, fault) = wrong_field(number, random);
            (name, [message, fault].concat())
        }
    };
    // What is not known is passed over, as protobuf has it: a query may have its answer. A command still expects what never comes.
    Case {
        may_be_fine: query,
        ..Case::new(format!("{name} for {}", method.name), method.grpc_path, framed(&bytes))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_is_refused() {
    let target = Target::start().await;
    // A changed byte may be one of the version that a command expects. So they go to streams that do not exist, and not to what
    // would open one.
    let methods: Vec<&Method> = unary()
        .filter(|method| !["RegisterProject", "RegisterOrganization"].contains(&method.name))
        .collect();
    let mut random = generator(10);
    let nowhere = new_id();
    let cases = (0..count(9_000)).map(|_| wrong_message(methods.choose(&mut random).unwrap(), &nowhere, &mut random));
    let cases: Vec<Case> = cases.collect();
    let caller = Caller::connect(&target).await;
    send_all("gRPC, a wrong message", cases, |case| send(&target, &caller, case)).await;
    target.is_unharmed().await;
}

/// A command with a value that its field does not take, in a message that is right otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_is_refused_by_the_name_of_its_field() {
    let target = Target::start().await;
    let mut cases = Vec::new();
    for method in unary() {
        for place in places(&input(method)) {
            for (name, wrong) in super::valid::out_of_range(place.field()) {
                let mut request = sample(&input(method), &target.project_id);
                place.put(&mut request, wrong);
                let bytes = from_json(method.input, request).unwrap();
                let case = Case::new(
                    format!("{name} in {}.{}", method.name, place.path()),
                    method.grpc_path,
                    framed(&bytes),
                );
                cases.push(Case {
                    field: Some(place.name().to_owned()),
                    ..case
                });
            }
        }
    }
    cases.shuffle(&mut generator(11));
    cases.truncate(count(2_000));
    let caller = Caller::connect(&target).await;
    send_all("gRPC, a wrong value", cases, |case| send(&target, &caller, case)).await;
    target.is_unharmed().await;
}

/// Frames around a good message that are not what they say, by name.
fn wrong_frames(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let good = framed(good);
    let with = |flag: u8, length: u32| [&[flag], &length.to_be_bytes()[..], &good[5..]].concat();
    let length = u32::try_from(good.len() - 5).unwrap();
    // A message may be empty; then there is no length of one less.
    let less = length.checked_sub(1).unwrap_or(2);
    vec![
        ("no frame", Vec::new()),
        ("one byte", vec![0]),
        ("four bytes", vec![0; 4]),
        ("a frame without its end", good[..good.len() - 1].to_vec()),
        ("a length of one less", with(0, less)),
        ("a length of one more", with(0, length + 1)),
        ("a length of 4 GiB", with(0, u32::MAX)),
        ("a length of 2 GiB", with(0, 1 << 31)),
        ("a compressed flag", with(1, length)),
        ("flag 2", with(2, length)),
        ("flag 255", with(255, length)),
        ("two messages", good.repeat(2)),
        ("a message and a byte", [good.clone(), vec![0]].concat()),
        ("a trailer of gRPC-Web", with(0x80, length)),
        ("text", b"hello, is this the JSON door?".to_vec()),
        ("JSON", b"{\"project_id\": \"x\"}".to_vec()),
        ("more than a request may have", framed(&vec![0; 1024 * 1024 + 1])),
        ("two megabytes", framed(&vec![b'x'; 2_000_000])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_none_is_refused() {
    let target = Target::start().await;
    let mut random = generator(12);
    let mut cases = Vec::new();
    for method in METHODS.choose_multiple(&mut random, count(3_600).div_ceil(18).max(2)) {
        let good = sample_bytes(method, &target.project_id);
        cases.extend(
            wrong_frames(&good)
                .into_iter()
                .map(|(name, body)| Case::new(format!("{name} for {}", method.name), method.grpc_path, body)),
        );
    }
    let caller = Caller::connect(&target).await;
    send_all("gRPC, a wrong frame", cases, |case| send(&target, &caller, case)).await;
    target.is_unharmed().await;
}

/// Headers that make a good call a bad one; with `true` those that are only odd.
fn wrong_headers() -> Vec<(&'static str, Vec<u8>, bool)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("grpc-encoding", text("gzip"), false),
        ("grpc-encoding", text("snappy"), false),
        ("grpc-encoding", vec![0xFF], false),
        ("content-type", text("application/json"), false),
        ("content-type", text("text/plain"), false),
        ("content-type", text("application/grpc-web-text"), false),
        ("content-type", text("application/grpc-web+nope"), false),
        ("content-type", text("application/grpc+json"), true),
        ("content-type", text("application/grpc; charset=utf-8"), true),
        ("content-type", text("application/grpcx"), false),
        ("grpc-timeout", text("0n"), true),
        ("grpc-timeout", text("1x"), true),
        ("grpc-timeout", text("-1S"), true),
        ("grpc-timeout", text("999999999H"), true),
        ("grpc-timeout", text("99999999H"), true),
        ("grpc-timeout", text("S"), true),
        ("grpc-timeout", vec![0xC3, 0xA6], true),
        ("grpc-accept-encoding", text("nope"), true),
        ("x-odd-bin", text("not base64 !"), true),
        ("traceparent", text("00-nope"), true),
        ("traceparent", vec![0xFF; 200], true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_header_fails_nothing_but_its_call() {
    let target = Target::start().await;
    let methods: Vec<&Method> = unary().collect();
    let mut random = generator(13);
    let headers = wrong_headers();
    let mut cases = Vec::new();
    for index in 0..count(1_000).max(headers.len()) {
        let (name, value, odd) = headers[index % headers.len()].clone();
        let method = methods.choose(&mut random).unwrap();
        let body = framed(&sample_bytes(method, &target.project_id));
        let case = Case::new(
            format!("{name}: {} for {}", String::from_utf8_lossy(&value), method.name),
            method.grpc_path,
            body,
        );
        cases.push(Case {
            headers: vec![(name, value)],
            may_be_fine: odd,
            ..case
        });
    }
    let caller = Caller::connect(&target).await;
    send_all("gRPC, a wrong header", cases, |case| send(&target, &caller, case)).await;
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_that_does_not_exist_is_told_so() {
    let target = Target::start().await;
    let long = format!("/vedtak.v1.RiskService/{}", "x".repeat(5_000));
    let paths = [
        "/vedtak.v1.RiskService/Nope",
        "/vedtak.v1.NopeService/RegisterRisk",
        "/vedtak.v2.RiskService/RegisterRisk",
        "/RiskService/RegisterRisk",
        "/vedtak.v1.RiskService",
        "/vedtak.v1.RiskService/",
        "/vedtak.v1.RiskService/RegisterRisk/",
        "/vedtak.v1.RiskService/RegisterRisk/x",
        "//vedtak.v1.RiskService/RegisterRisk",
        "/vedtak.v1.RiskService//RegisterRisk",
        "/vedtak.v1.RiskService/registerRisk",
        "/",
        "/%00",
        "/%FF/%FE",
        "/vedtak.v1.RiskService%2FRegisterRisk",
        "/vedtak.v1.RiskService/..",
        "/v1/projects",
        "/readyz/x",
        &long,
        "/grpc.health.v1.Health/Nope",
        "/grpc.reflection.v1.ServerReflection/Nope",
    ];
    let cases = paths.iter().map(|path| Case::new("unknown", *path, framed(&[])));
    let caller = Caller::connect(&target).await;
    send_all("gRPC, an unknown RPC", cases, async |case: Case| {
        let path = case.path.clone();
        let request = caller.authorized(&path);
        let answer = caller
            .send(request, case.body)
            .await
            .map_err(|problem| format!("{path}: {problem}"))?;
        match answer.status {
            Some(status) if status.code() == tonic::Code::Unimplemented => Ok(()),
            // A route of the JSON door, asked in the wrong way.
            _ => answer::problem(answer.http, &answer.headers, &answer.body, None, &target.token)
                .map_err(|problem| format!("{path}: {problem}")),
        }
    })
    .await;
    target.is_unharmed().await;
}

/// The stream asked as if it had one answer ends like any other; an RPC with one answer takes no stream of questions.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_questions_to_an_rpc_that_takes_one_is_refused() {
    let target = Target::start().await;
    let caller = Caller::connect(&target).await;
    for method in METHODS
        .iter()
        .filter(|method| method.service.ends_with("LedgerService"))
    {
        let mut question: Value = sample(&input(method), &target.project_id);
        if let Some(fields) = question.as_object_mut() {
            fields.remove("commands");
        }
        let message = framed(&from_json(method.input, question).unwrap());
        let case = Case::new(
            format!("three messages for {}", method.name),
            method.grpc_path,
            message.repeat(3),
        );
        send(&target, &caller, case).await.unwrap();
    }
    let stream = METHODS.iter().find(|method| method.kind == MethodKind::Stream).unwrap();
    let answer = caller
        .send(caller.authorized(stream.grpc_path), framed(&[]))
        .await
        .unwrap();
    assert!(is_fine(&answer) && !answer.body.is_empty());
    target.is_unharmed().await;
}
