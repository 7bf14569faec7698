//! The `OpenAPI` document describes every RPC as the JSON door serves it.

use std::collections::BTreeSet;

use serde_json::Value;
use vedtak::schema::v1::{AssessRisk, CommandContext, RegisterProject, RegisterRisk, RiskAssessment};
use vedtak::schema::{METHODS, MethodKind, Validate};

fn document() -> Value {
    serde_json::from_slice(&vedtak::api::openapi::document()).unwrap()
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array()
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Calls `look` with every value in the document.
fn each<'a>(value: &'a Value, look: &mut impl FnMut(&'a Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| each(field, look)),
        _ => {}
    }
}

#[test]
fn every_rpc_stands_in_it_once_with_its_path_access_and_words() {
    let document = document();
    let count: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(count, METHODS.len());
    for method in METHODS {
        let operation = &document["paths"][method.path][method.verb];
        assert_eq!(operation["operationId"], method.name);
        assert_eq!(
            operation.get("requestBody").is_some(),
            method.has_body,
            "{}",
            method.name
        );
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{} has no comment",
            method.name
        );
        assert!(["reader", "recorder", "administrator"].contains(&operation["x-vedtak-access"].as_str().unwrap()));
        let content = operation["responses"]["200"]["content"].as_object().unwrap();
        let media: Vec<_> = content.keys().map(String::as_str).collect();
        match method.kind {
            MethodKind::Stream => assert_eq!(media, ["application/x-ndjson", "text/event-stream"]),
            _ => assert_eq!(media, ["application/json"]),
        }
        let in_path: BTreeSet<_> = operation["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let bound: BTreeSet<_> = method
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(in_path, bound, "{}", method.name);
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_says_its_order() {
    let document = document();
    each(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(
                document.pointer(reference.trim_start_matches('#')).is_some(),
                "{reference}"
            );
        }
        if let (Some(order), Some(properties)) = (
            value.get("x-order").filter(|order| order.is_array()),
            value.get("properties"),
        ) {
            let properties: BTreeSet<_> = properties.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names(order), properties);
        }
    });
}

#[test]
fn every_message_and_field_is_described() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} has no comment");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{field} has no comment");
        }
    }
}

#[test]
fn required_is_what_a_request_is_refused_without() {
    let document = document();
    let agrees = |name: &str, path: &[&str], empty: &dyn Validate| {
        let mut violations = Vec::new();
        empty.validate(&vedtak::schema::At::Root, &mut violations);
        let refused: BTreeSet<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let mut required = names(&document["components"]["schemas"][name]["required"]);
        required.extend(path);
        assert_eq!(required, refused, "{name}");
    };
    agrees("RegisterRisk", &["project_id", "risk_id"], &RegisterRisk::default());
    agrees("AssessRisk", &["project_id", "risk_id"], &AssessRisk::default());
    agrees("RegisterProject", &["project_id"], &RegisterProject::default());
    agrees("CommandContext", &[], &CommandContext::default());
    agrees("RiskAssessment", &[], &RiskAssessment::default());
}

#[test]
fn fields_carry_their_limits_and_marks() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let risk = &schemas["RegisterRisk"];
    assert_eq!(risk["additionalProperties"], false, "a misspelt field is refused");
    assert!(risk["properties"].get("project_id").is_none(), "the path says it");
    let description = &risk["properties"]["description"];
    assert_eq!(
        (&description["minLength"], &description["maxLength"]),
        (&1.into(), &2000.into())
    );
    assert_eq!(description["x-personal"], true);
    let context = &schemas["CommandContext"]["properties"];
    assert_eq!(context["request_id"]["format"], "uuid");
    assert_eq!(context["effective_date"]["format"], "date");
    assert_eq!(
        context["expected_version"]["type"],
        serde_json::json!(["string", "integer", "null"])
    );
    assert_eq!(schemas["Receipt"]["properties"]["position"]["type"], "string");
    assert_eq!(
        schemas["RecordedEvent"]["properties"]["leaf_hash"]["contentEncoding"],
        "base64"
    );
    assert_eq!(schemas["RiskRegistered"]["x-vedtak-event"], "project");
    assert!(!names(&schemas["RiskStatus"]["enum"]).contains("RISK_STATUS_UNSPECIFIED"));
    let probability = &schemas["RiskAssessment"]["properties"]["probability"];
    assert_eq!(
        (&probability["minimum"], &probability["maximum"]),
        (&1.into(), &5.into())
    );
}

#[test]
fn every_operation_shows_an_example_with_the_fields_that_its_schema_has_and_requires() {
    let document = document();
    for method in METHODS {
        let operation = &document["paths"][method.path][method.verb];
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(
                parameter["in"] != "path" || parameter["example"].is_string(),
                "{} shows no {}",
                method.name,
                parameter["name"]
            );
        }
        if !method.has_body {
            continue;
        }
        let content = &operation["requestBody"]["content"]["application/json"];
        let reference = content["schema"]["$ref"].as_str().unwrap();
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        let example = content["example"].as_object().unwrap();
        assert!(example["context"]["request_id"].is_string(), "{}", method.name);
        for name in example.keys() {
            assert!(
                schema["properties"].get(name).is_some(),
                "{} has no {name}",
                method.name
            );
        }
        for name in names(&schema["required"]) {
            assert!(example.contains_key(name), "{} shows no {name}", method.name);
        }
    }
}

#[test]
fn a_question_is_asked_in_the_query_string() {
    let document = document();
    let parameters = document["paths"]["/v1/projects/{project_id}/risks"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let found: Vec<_> = parameters
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["project_id", "as_of", "at_least", "page_token", "page_size"]);
    let as_of = &parameters[1];
    assert_eq!((&as_of["style"], &as_of["explode"]), (&"form".into(), &true.into()));
    assert_eq!(as_of["schema"]["properties"]["as_of.time"]["format"], "date-time");
    assert!(
        as_of["schema"]["properties"]["as_of.position"]["description"]
            .as_str()
            .unwrap()
            .contains("Not together with `as_of.time`")
    );
}

/// The names of the schemas that these values lead to.
fn reached<'a>(document: &'a Value, from: Vec<&'a Value>) -> BTreeSet<&'a str> {
    let (mut found, mut waiting) = (BTreeSet::new(), from);
    while let Some(value) = waiting.pop() {
        each(value, &mut |value| {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str)
                && let Some(name) = reference.strip_prefix("#/components/schemas/")
                && found.insert(name)
            {
                waiting.push(&document["components"]["schemas"][name]);
            }
        });
    }
    found
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    METHODS
        .iter()
        .map(|method| &document["paths"][method.path][method.verb])
}

#[test]
fn every_object_that_is_sent_is_closed_and_none_that_is_answered() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let sent = reached(
        &document,
        operations(&document)
            .flat_map(|operation| [&operation["requestBody"], &operation["parameters"]])
            .collect(),
    );
    for name in &sent {
        each(&schemas[name], &mut |value| {
            if value.get("properties").is_some_and(Value::is_object) {
                assert_eq!(
                    value["additionalProperties"], false,
                    "{name} takes fields that are refused"
                );
            }
        });
    }
    let answered = reached(
        &document,
        operations(&document)
            .map(|operation| &operation["responses"]["200"])
            .collect(),
    );
    for name in &answered {
        assert_ne!(schemas[name]["additionalProperties"], false, "{name} may not grow");
    }
    assert!(sent.contains("RiskAssessment") && answered.contains("RiskAssessmentAnswered"));
}

#[test]
fn every_text_that_is_sent_says_which_characters_are_refused() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let bodies = operations(&document)
        .map(|operation| &operation["requestBody"])
        .collect();
    let named = reached(&document, bodies).into_iter().map(|name| &schemas[name]);
    let parameters = operations(&document).map(|operation| &operation["parameters"]);
    let (mut texts, mut kinds) = (0, 0);
    for schema in named.chain(parameters) {
        each(schema, &mut |value| {
            let kind = &value["type"];
            if kind == "string" || names(kind).contains("string") {
                let says = ["pattern", "format", "enum"]
                    .iter()
                    .any(|word| value.get(word).is_some());
                assert!(says, "{value} takes the character U+0000, which is refused");
                if value["format"] == "date" {
                    assert!(value["pattern"].as_str().unwrap().starts_with("^(19|20|21)"), "{value}");
                } else if let Some(kind) = value["x-text-kind"].as_str() {
                    let pattern = regex::Regex::new(value["pattern"].as_str().unwrap()).unwrap();
                    assert!(
                        pattern.is_match("Skole på Ærøya 2017/12") && !pattern.is_match("a\u{202e}b"),
                        "{value}"
                    );
                    assert_eq!(pattern.is_match("two\nlines"), kind == "free", "{value}");
                    assert_eq!(pattern.is_match(" blanks "), kind == "free", "{value}");
                    kinds += 1;
                }
                texts += 1;
            }
        });
    }
    assert!(texts > 500 && kinds > 150, "{texts} {kinds}");
}

#[test]
fn null_stands_for_what_may_be_left_out_and_for_nothing_else() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let bodies = operations(&document)
        .map(|operation| &operation["requestBody"])
        .collect();
    for name in reached(&document, bodies) {
        let required = names(&schemas[name]["required"]);
        for (field, schema) in schemas[name]["properties"].as_object().into_iter().flatten() {
            let takes_null = names(&schema["type"]).contains("null") || schema["anyOf"][1]["type"] == "null";
            assert_ne!(takes_null, required.contains(field.as_str()), "{name}.{field}");
        }
    }
}

#[test]
fn fields_that_exclude_each_other_do_so_in_a_query_string_too() {
    let document = document();
    let mut seen = 0;
    for operation in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            assert!(!name.starts_with("as_of."), "{name} stands alone");
            if name == "as_of" {
                let pair = serde_json::json!({ "anyOf": [{ "required": ["as_of.position", "as_of.time"] }] });
                assert_eq!(parameter["schema"]["not"], pair);
                assert_eq!(parameter["schema"]["additionalProperties"], false);
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_stream_is_named_by_a_kind_that_there_is_and_a_command_by_one_that_can_be_recorded() {
    let document = document();
    let parameters = &document["paths"]["/v1/ledger/audit-trail"]["get"]["parameters"];
    let stream = &parameters[0];
    assert_eq!(stream["name"], "stream");
    let pattern = stream["schema"]["pattern"].as_str().unwrap();
    let pattern = regex::Regex::new(&pattern.replace(r"\u0000", r"\x00")).unwrap();
    assert!(pattern.is_match("project/0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e"));
    for name in ["", "project", "projects/x", "unspecified/x", "project/a\u{0}"] {
        assert!(!pattern.is_match(name), "{name}");
    }
    let schemas = &document["components"]["schemas"];
    let items = &schemas["RecordBatch"]["properties"]["commands"]["items"];
    assert_eq!(items["$ref"], "#/components/schemas/BatchedCommand");
    let commands = METHODS.iter().filter(|method| method.kind == MethodKind::Command);
    assert_eq!(
        schemas["BatchedCommand"]["oneOf"].as_array().unwrap().len(),
        commands.count()
    );
    let risk = &schemas["RegisterRiskBatched"];
    assert_eq!(
        risk["properties"]["@type"]["enum"][0],
        "type.googleapis.com/vedtak.v1.RegisterRisk"
    );
    assert!(names(&risk["required"]).is_superset(&BTreeSet::from(["@type", "project_id", "risk_id", "description"])));
    assert!(risk["properties"].get("context").is_none(), "the batch has it");
}
