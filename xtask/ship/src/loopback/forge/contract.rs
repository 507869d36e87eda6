//! Checks each exchange with the double against GitHub's own description of its API, `tests/contract/github.json`.
//!
//! A path, a parameter, a body or an answer that the description does not have, lacks, or has otherwise is a problem. An
//! unknown field is one too: in a request GitHub would ignore it, in an answer we would rely on what is not there. Objects
//! are closed for that (`additionalProperties`), also where the description leaves them open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::Watch;
use crate::loopback::server::{Asked, Reply};

/// The description, made ready: closed, and `null` spelled as JSON schema spells it.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::from_str(include_str!("../../../tests/contract/github.json")).unwrap();
    let mut open = BTreeSet::new();
    parts_of_a_whole(&document, &mut open);
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for (name, schema) in schemas {
        ready(schema, !open.contains(&format!("#/components/schemas/{name}")));
    }
    ready(&mut document["paths"], true);
    document
});

static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What a test's exchanges did wrong, and which kinds of them there were.
#[derive(Clone, Default)]
pub(crate) struct Contract {
    problems: Arc<Mutex<Vec<String>>>,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Contract {
    /// Sees every exchange. What is not part of the described API (downloads, identity tokens) passes.
    pub(crate) fn watch(&self) -> Watch {
        let contract = self.clone();
        Arc::new(move |asked, reply| {
            if asked.path.starts_with("/repos/") {
                contract.seen.lock().unwrap().insert(operation(asked).unwrap_or_default());
                contract.problems.lock().unwrap().extend(problems(asked, reply));
            }
        })
    }

    /// Fails when anything was not as described.
    #[track_caller]
    pub(crate) fn assert_kept(&self) {
        let problems = self.problems.lock().unwrap();
        assert!(problems.is_empty(), "the contract is broken:\n{}", problems.join("\n"));
    }

    /// The operations that were asked for.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Every operation of the description that we keep.
pub(crate) fn operations() -> BTreeSet<String> {
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

fn operation(asked: &Asked) -> Option<String> {
    Some(format!("{} {}", asked.method, template(&asked.path)?))
}

/// Everything that is wrong with an exchange.
pub(crate) fn problems(asked: &Asked, reply: &Reply) -> Vec<String> {
    let line = format!("{} {}", asked.method, asked.path);
    let Some(template) = template(&asked.path) else { return vec![format!("{line}: no such path")] };
    let method = asked.method.as_str().to_lowercase();
    let operation = &DESCRIPTION["paths"][template][&method];
    if operation.is_null() {
        return vec![format!("{line}: no such method")];
    }
    let mut found = parameters(asked, template, operation);
    found.extend(request(asked, template, &method, operation));
    found.extend(answer(reply, template, &method, operation));
    found.into_iter().map(|problem| format!("{line}: {problem}")).collect()
}

/// The path of the description that fits best: a literal part wins over a parameter. A reference may hold slashes.
fn template(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let fits = |template: &str| {
        let names: Vec<&str> = template.trim_start_matches('/').split('/').collect();
        let takes_rest = ["{ref}", "{tag}", "{branch}"].contains(names.last()?);
        if names.len() > parts.len() || (names.len() < parts.len() && !takes_rest) {
            return None;
        }
        let same = names.iter().zip(&parts).map(|(name, part)| (name.starts_with('{'), name == part));
        let literal = same.clone().filter(|(_, is_same)| *is_same).count();
        same.clone().all(|(is_parameter, is_same)| is_parameter || is_same).then_some(literal)
    };
    let paths = DESCRIPTION["paths"].as_object().unwrap().keys();
    paths.filter_map(|path| Some((fits(path)?, path.as_str()))).max().map(|(_, path)| path)
}

fn parameters(asked: &Asked, template: &str, operation: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let declared: Vec<&Value> = operation["parameters"].as_array().unwrap().iter().map(resolved).collect();
    let of = |place: &str, name: &str| {
        declared.iter().find(|known| known["in"] == place && known["name"] == name).copied()
    };
    let given: BTreeMap<String, String> =
        url::form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
    for (name, value) in &given {
        match of("query", name) {
            None => found.push(format!("`{name}` is no parameter")),
            Some(known) => found.extend(wrong_text(name, value, &known["schema"])),
        }
    }
    for known in declared.iter().filter(|known| known["in"] == "query" && known["required"] == true) {
        let name = known["name"].as_str().unwrap();
        if !given.contains_key(name) {
            found.push(format!("the parameter `{name}` is missing"));
        }
    }
    for (name, value) in template.split('/').zip(asked.path.split('/')) {
        if let Some(name) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            match of("path", name) {
                None => found.push(format!("`{name}` is no part of the path")),
                Some(known) => found.extend(wrong_text(name, value, &known["schema"])),
            }
        }
    }
    found
}

/// Says how a text is not what a parameter's schema wants.
fn wrong_text(name: &str, text: &str, schema: &Value) -> Option<String> {
    let value = match schema["type"].as_str() {
        Some("integer") => text.parse::<u64>().map_or(json!(text), |number| json!(number)),
        Some("boolean") => text.parse::<bool>().map_or(json!(text), |flag| json!(flag)),
        _ => json!(text),
    };
    let errors: Vec<_> = jsonschema::validator_for(schema)
        .unwrap()
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    (!errors.is_empty()).then(|| format!("`{name}`: {}", errors.join("; ")))
}

fn request(asked: &Asked, template: &str, method: &str, operation: &Value) -> Vec<String> {
    let kind = asked.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let content = &operation["requestBody"]["content"];
    if content.is_null() {
        let is_empty = asked.body.is_empty();
        return if is_empty { Vec::new() } else { vec!["there is no body to be sent".to_owned()] };
    }
    if content[kind].is_null() {
        return vec![format!("the body must not be of the type `{kind}`")];
    }
    if kind != "application/json" {
        return Vec::new();
    }
    match serde_json::from_slice(&asked.body) {
        Ok(body) => {
            let schema = &content[kind]["schema"];
            wrong_value(&format!("{method} {template} request"), schema, &body, "the request")
        }
        Err(error) => vec![format!("the request is no JSON: {error}")],
    }
}

fn answer(reply: &Reply, template: &str, method: &str, operation: &Value) -> Vec<String> {
    let status = reply.status.to_string();
    let declared = resolved(&operation["responses"][&status]);
    if declared.is_null() && reply.status < 400 {
        return vec![format!("the status {status} is not described")];
    }
    let schema = &declared["content"]["application/json"]["schema"];
    // Errors that are not described look as all of them do: GitHub answers 422 in many places that do not say so.
    let name = if reply.status == 422 { "validation-error" } else { "basic-error" };
    let error = json!({ "$ref": format!("#/components/schemas/{name}") });
    let schema = match (schema.is_null(), reply.status) {
        (false, _) => schema,
        (true, 400..) => &error,
        (true, _) if reply.body.is_empty() => return Vec::new(),
        (true, _) => return vec![format!("an answer with the status {status} has no body")],
    };
    let kind = reply.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
    if kind != Some("application/json; charset=utf-8") {
        return vec![format!("the answer must not be of the type `{}`", kind.unwrap_or_default())];
    }
    match serde_json::from_slice(&reply.body) {
        Ok(body) => wrong_value(&format!("{method} {template} {status}"), schema, &body, "the answer"),
        Err(error) => vec![format!("the answer is no JSON: {error}")],
    }
}

fn wrong_value(key: &str, schema: &Value, value: &Value, what: &str) -> Vec<String> {
    let known = VALIDATORS.lock().unwrap().get(key).cloned();
    let validator = known.unwrap_or_else(|| {
        let mut whole = schema.clone();
        whole["components"] = DESCRIPTION["components"].clone();
        let made = jsonschema::options().should_validate_formats(true).build(&whole);
        let made = Arc::new(made.unwrap_or_else(|error| panic!("{key}: {error}")));
        VALIDATORS.lock().unwrap().insert(key.to_owned(), Arc::clone(&made));
        made
    });
    let place = |path: String| if path.is_empty() { String::new() } else { format!(" at {path}") };
    validator
        .iter_errors(value)
        .map(|error| {
            format!("{what}{}: {}", place(error.instance_path().to_string()), cut(&error.to_string()))
        })
        .collect()
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

/// What a reference leads to.
fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The schemas that are put together by an `allOf`: each describes a part, so it must stay open.
fn parts_of_a_whole(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for part in fields.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                found.extend(part["$ref"].as_str().map(str::to_owned));
            }
            fields.values().for_each(|field| parts_of_a_whole(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| parts_of_a_whole(item, found)),
        _ => {}
    }
}

/// Closes objects, and writes `nullable` as JSON schema knows it.
fn ready(value: &mut Value, close: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| ready(item, close)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| ready(field, true));
            if close && fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            if fields.contains_key("allOf") {
                fields.insert("unevaluatedProperties".to_owned(), json!(false));
            }
            // The description calls it an address, and says that it is empty where nobody gave one.
            if fields.get("default") == Some(&json!("")) {
                fields.remove("format");
            }
            if fields.remove("nullable") == Some(json!(true)) {
                let schema = Value::Object(std::mem::take(fields));
                *value = json!({ "anyOf": [schema, { "type": "null" }] });
            }
        }
        _ => {}
    }
}

mod tests;
