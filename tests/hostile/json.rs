//! Hostile requests at the JSON door: every field of every request with every fault, and what cannot be told by field.

use http::Method as Verb;
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::{Value, json};
use vedtak::schema::{METHODS, Method};

use super::faults::faults;
use super::samples::{Place, input, places, sample, unary};
use super::{Target, answer, count, generator, send_all};
use crate::support::new_id;

/// One request to the JSON door.
pub struct Case {
    pub name: String,
    pub verb: Verb,
    pub path: String,
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
    /// The field that the answer must name.
    pub field: Option<String>,
}

impl Case {
    pub fn post(name: impl Into<String>, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (name, path, body) = (name.into(), path.into(), body.into());
        Self {
            name,
            verb: Verb::POST,
            path,
            content_type: Some("application/json"),
            body,
            field: None,
        }
    }

    pub fn get(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            verb: Verb::GET,
            content_type: None,
            ..Self::post(name, path, "")
        }
    }
}

/// The path of a route, with the fields of a request put in; they are taken out of the request.
pub fn fill(route: &str, request: &mut Value) -> String {
    let mut path = route.to_owned();
    while let Some((before, rest)) = path.split_once('{') {
        let (name, after) = rest.split_once('}').unwrap();
        let value = request
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap_or_else(|| json!(new_id()));
        path = format!("{before}{}{after}", value.as_str().unwrap());
    }
    path
}

/// A client that lets go of an idle connection before the server does, so that the two never meet half-way.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .pool_idle_timeout(std::time::Duration::from_secs(3))
        .build()
        .unwrap()
}

pub async fn send(target: &Target, client: &reqwest::Client, case: Case) -> Result<(), String> {
    let told = |problem: String| {
        format!(
            "{} {} {}: {problem}",
            case.name,
            case.verb,
            case.path.chars().take(200).collect::<String>()
        )
    };
    let mut request = client
        .request(case.verb.clone(), target.server.url(&case.path))
        .bearer_auth(&target.token);
    if let Some(content_type) = case.content_type {
        request = request.header("content-type", content_type);
    }
    let answer = request
        .body(case.body.clone())
        .send()
        .await
        .map_err(|error| told(format!("no answer: {error:?}")))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer
        .bytes()
        .await
        .map_err(|error| told(format!("the answer broke off: {error:?}")))?;
    answer::problem(status, &headers, &body, case.field.as_deref(), &target.token).map_err(told)
}

/// A command with one fault in one field of its body.
fn in_body(method: &Method, place: &Place, fault: &str, project_id: &str) -> Case {
    let mut request = sample(&input(method), project_id);
    let path = fill(method.path, &mut request);
    place.put(&mut request, json!("@fault@"));
    let body = request.to_string().replace("\"@fault@\"", fault);
    let is_json = serde_json::from_str::<Value>(&body).is_ok();
    Case {
        // A text that is no JSON is at fault as a whole.
        field: is_json.then(|| place.name().to_owned()),
        ..Case::post(
            format!("{} with {} = {}", method.name, place.path(), short(fault)),
            path,
            body,
        )
    }
}

/// A query with one fault in one field of its query string.
fn in_query(method: &Method, place: &Place, fault: &str, project_id: &str) -> Option<Case> {
    let mut request = sample(&input(method), project_id);
    let route = fill(method.path, &mut request);
    let value: Value = serde_json::from_str(fault).ok()?;
    let value = match value {
        Value::String(text) if text.len() < 20_000 => text,
        // As text, a number is good for a number and any text for a text.
        Value::Number(number) if !matches!(place.field().kind(), prost_reflect::Kind::String) => number.to_string(),
        _ => return None,
    };
    // What the path gives is not asked again, and a page token is any text.
    if method.path.contains(&format!("{{{}}}", place.name())) || place.name() == "page_token" {
        return None;
    }
    let name = place.path();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair(&name, &value)
        .finish();
    let case = Case::get(
        format!("{} with {name} = {}", method.name, short(fault)),
        format!("{route}?{query}"),
    );
    Some(Case {
        field: Some(place.name().to_owned()),
        ..case
    })
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_field_is_refused_by_name() {
    let target = Target::start().await;
    let mut cases: Vec<(&Method, Place, String)> = Vec::new();
    for method in unary() {
        for place in places(&input(method)) {
            let all = faults(place.field());
            cases.extend(all.into_iter().map(|fault| (method, place.clone(), fault)));
        }
    }
    let mut random = generator(1);
    cases.shuffle(&mut random);
    let project_id = target.project_id.clone();
    let cases = cases.iter().cycle().filter_map(|(method, place, fault)| {
        if method.has_body {
            Some(in_body(method, place, fault, &project_id))
        } else {
            in_query(method, place, fault, &project_id)
        }
    });
    let client = client();
    send_all("JSON, one fault in one field", cases.take(count(12_000)), |case| {
        send(&target, &client, case)
    })
    .await;
    target.is_unharmed().await;
}

/// Bodies that are wrong as a whole.
fn wrong_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str| open.repeat(100_000).into_bytes();
    let closed =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("a space", b" ".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a number", b"5".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("half an object", b"{".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("two objects", b"{}{}".to_vec()),
        ("a byte order mark", b"\xEF\xBB\xBF{}".to_vec()),
        ("UTF-16", b"\xFF\xFE{\0}\0".to_vec()),
        ("an overlong encoding", b"{\"name\": \"\xC0\xAF\"}".to_vec()),
        ("a lone continuation byte", b"{\"name\": \"\x80\"}".to_vec()),
        ("a surrogate in UTF-8", b"{\"name\": \"\xED\xA0\x80\"}".to_vec()),
        ("a zero byte", b"{\"name\": \"a\0b\"}".to_vec()),
        ("single quotes", b"{'name': 'x'}".to_vec()),
        ("a comment", b"{/* x */}".to_vec()),
        ("a trailing comma", b"{\"name\": \"x\",}".to_vec()),
        ("no colon", b"{\"name\" \"x\"}".to_vec()),
        ("an unknown field", b"{\"nope\": 1}".to_vec()),
        ("a name without end", b"{\"name".to_vec()),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0".to_vec()),
        ("lists that never end", deep("[")),
        ("objects that never end", deep("{\"a\":")),
        ("lists 100 000 deep", closed("[", "]", 100_000)),
        ("context 100 000 deep", closed("{\"context\":", "}", 100_000)),
        (
            "lists 120 deep in a field",
            format!("{{\"name\": {}{}}}", "[".repeat(120), "]".repeat(120)).into_bytes(),
        ),
        (
            "an unknown name of 900 000 bytes",
            format!("{{\"{}\": 1}}", "n".repeat(900_000)).into_bytes(),
        ),
        (
            "a text of 900 000 bytes",
            format!("{{\"name\": \"{}\"}}", "n".repeat(900_000)).into_bytes(),
        ),
        (
            "two megabytes",
            format!("{{\"name\": \"{}\"}}", "n".repeat(2_000_000)).into_bytes(),
        ),
        ("two megabytes of spaces", b" ".repeat(2_000_000)),
        (
            "a hundred thousand fields",
            format!(
                "{{{}\"x\": 1}}",
                (0..60_000).map(|n| format!("\"a{n}\":1,")).collect::<String>()
            )
            .into_bytes(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_request_is_refused() {
    let target = Target::start().await;
    let routes: Vec<&Method> = METHODS.iter().filter(|method| method.has_body).collect();
    let bodies = wrong_bodies();
    let mut random = generator(2);
    let mut cases = Vec::new();
    for index in 0..count(1_500).max(bodies.len()) {
        let (name, body) = &bodies[index % bodies.len()];
        let method = routes.choose(&mut random).unwrap();
        let mut request = sample(&input(method), &target.project_id);
        let path = fill(method.path, &mut request);
        cases.push(Case::post(
            format!("{name} for {}", method.name),
            path.clone(),
            body.clone(),
        ));
        // A good body, of which a part is missing or another byte stands in.
        let mut broken = request.to_string().into_bytes();
        broken.truncate(random.random_range(0..broken.len()));
        cases.push(Case::post(format!("half a {}", method.name), path.clone(), broken));
        let content_type = *[
            "text/plain",
            "application/xml",
            "application/jsonx",
            "json",
            "multipart/form-data",
        ]
        .choose(&mut random)
        .unwrap();
        let plain = Case {
            content_type: Some(content_type),
            ..Case::post(
                format!("{content_type} for {}", method.name),
                path.clone(),
                request.to_string(),
            )
        };
        cases.push(plain);
        cases.push(Case {
            content_type: None,
            ..Case::post("no content type", path.clone(), request.to_string())
        });
        cases.push(Case::post(
            "a query string on a command",
            format!("{path}?name=x"),
            request.to_string(),
        ));
    }
    let client = client();
    send_all("JSON, a wrong body", cases, |case| send(&target, &client, case)).await;
    target.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_string_that_is_no_question_is_refused() {
    let target = Target::start().await;
    let project = &target.project_id;
    let huge = "x".repeat(50_000);
    let long_names = (0..5_000).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    let questions = [
        "nope=1",
        "page_size=1&page_size=2",
        "page_size=",
        "page_size",
        "page_size=-1",
        "page_size=1001",
        "page_size=2147483648",
        "page_size=0x1",
        "page_size=1e400",
        "page_size=NaN",
        "page_size.x=1",
        "page_size[]=1",
        "as_of=1",
        "as_of=",
        "as_of.nope=1",
        "as_of.position=-1",
        "as_of.position=x",
        "as_of.position=3",
        "as_of.position=9223372036854775807",
        "as_of.position=9223372036854775808",
        "as_of.position=1&as_of.position=2",
        "as_of.position=1&as_of.time=2024-05-01T00:00:00Z",
        "as_of.time=yesterday",
        "as_of.time=9999-12-31T23:59:59Z",
        "as_of.time.seconds=1",
        "as_of.as_of.position=1",
        "as_of.=1",
        ".=1",
        "=1",
        ".as_of=1",
        "at_least=-1",
        "at_least=9223372036854775807",
        "page_token=x",
        "page_token=1",
        "page_token=1.x",
        "page_token=-1.0",
        "page_token=0.0",
        "page_token=9223372036854775808.0",
        "page_token=1.18446744073709551616",
        "page_token=1%00",
        "%00=1",
        "%FF=1",
        "page_size=%FF",
        "a=1&b=2",
        "project_id=00000000-0000-4000-8000-000000000000",
        "__proto__=1",
        "page_size=%31%30%30%31",
        &huge,
        &format!("page_token={huge}"),
        &format!("{huge}=1"),
        &format!("as_of.{huge}=1"),
        &long_names,
        &format!("as_of{}=1", ".position".repeat(5_000)),
    ]
    .map(str::to_owned);
    let cases = questions.iter().flat_map(|query| {
        [
            Case::get("a query", format!("/v1/projects/{project}/risks?{query}")),
            Case::get("a query", format!("/v1/projects/{project}/milestones?{query}")),
        ]
    });
    let whole = [
        "stream=x",
        "stream=",
        "stream=project",
        "stream=project%2F%00",
        "stream=/",
        "stream=program/1",
        "after_position=-1",
        "follow=maybe",
    ];
    let cases = cases.chain(
        whole
            .iter()
            .map(|query| Case::get("the ledger", format!("/v1/ledger/stream?{query}"))),
    );
    let client = client();
    send_all("JSON, a wrong query string", cases, |case| send(&target, &client, case)).await;
    target.is_unharmed().await;
}
