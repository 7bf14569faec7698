//! The generic way of a command: decode, check its shape and the caller's access, and hand it to the ledger.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tonic::Code;
use uuid::Uuid;

use super::failure::{Failure, short};
use super::identity::Caller;
use super::service::permit;
use crate::clock;
use crate::domain::Command;
use crate::ledger::{Circumstances, Ledger, Submission};
use crate::rules::Rules;
use crate::schema::v1::{Access, CommandContext, Receipt, RecordBatch};
use crate::schema::{BringToNfc, METHODS, Method, Violation};

/// Records one command.
pub(super) async fn record(
    ledger: &Ledger<Rules>,
    caller: &Caller,
    method: &Method,
    request: Bytes,
) -> Result<Receipt, Failure> {
    let command = decode(method.input, &request)?;
    let violations = command.check();
    if !violations.is_empty() {
        return Err(Failure::fields(violations));
    }
    let context = command
        .context()
        .cloned()
        .ok_or_else(|| Failure::field("context", "Must be given."))?;
    submit(ledger, caller, context, vec![command]).await
}

/// Records several commands on one stream, all or none.
pub(super) async fn record_batch(
    ledger: &Ledger<Rules>,
    caller: &Caller,
    mut batch: RecordBatch,
) -> Result<Receipt, Failure> {
    batch.context.iter_mut().for_each(BringToNfc::bring_to_nfc);
    let mut violations = Vec::new();
    let mut commands = Vec::new();
    for (index, any) in batch.commands.iter().enumerate() {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let Some(own) = METHODS
            .iter()
            .find(|method| method.input == name && Command::decode(name, &[]).is_some())
        else {
            let problem = format!("{} is not a command.", short(&any.type_url));
            violations.push(Violation::new(format!("commands[{index}]"), problem));
            continue;
        };
        permit(caller, own)?;
        let mut command = match decode(name, &any.value) {
            Ok(command) => command,
            Err(failure) => {
                violations.push(Violation::new(format!("commands[{index}]"), failure.sentence));
                continue;
            }
        };
        if command.context().is_some() {
            violations.push(Violation::new(
                format!("commands[{index}].context"),
                "Must be left out: the context of the batch holds.",
            ));
        }
        if let Some(context) = &batch.context {
            command.set_context(context.clone());
        }
        violations.extend(command.check().into_iter().map(|violation| Violation {
            field: format!("commands[{index}].{}", violation.field),
            ..violation
        }));
        commands.push(command);
    }
    if let Some(other) = commands
        .iter()
        .position(|command| command.stream() != commands[0].stream())
    {
        violations.push(Violation::new(
            format!("commands[{other}]"),
            format!(
                "Goes to {}, but the batch is on {}: all its commands must be on one stream.",
                commands[other].stream(),
                commands[0].stream()
            ),
        ));
    }
    violations.dedup();
    if !violations.is_empty() {
        return Err(Failure::fields(violations));
    }
    let context = batch
        .context
        .ok_or_else(|| Failure::field("context", "Must be given."))?;
    submit(ledger, caller, context, commands).await
}

async fn submit(
    ledger: &Ledger<Rules>,
    caller: &Caller,
    context: CommandContext,
    commands: Vec<Command>,
) -> Result<Receipt, Failure> {
    let stream = commands
        .first()
        .map(|command| command.stream().to_string())
        .ok_or_else(|| Failure::field("commands", "Must not be empty."))?;
    let today = clock::today();
    let request_id =
        Uuid::parse_str(&context.request_id).map_err(|_| Failure::field("context.request_id", "Must be a UUID."))?;
    let submission = Submission {
        tenant: Arc::from(caller.tenant.as_str()),
        stream: Arc::from(stream.as_str()),
        request_id,
        content_hash: content_hash(caller, &commands),
        expected_version: context.expected_version,
        circumstances: Circumstances {
            subject: caller.subject.clone(),
            on_behalf_of: context.on_behalf_of,
            authority: context.authority,
            reason: context.reason,
            effective_date: context.effective_date.unwrap_or_else(|| today.clone()),
            today,
            ground: context.ground,
            administrator: caller.access == Access::Administrator,
            mandate: caller.mandate.clone(),
        },
        commands,
    };
    ledger.append(submission).await.map_err(|error| {
        let mut failure = Failure::from(error);
        failure.metadata.insert("stream".to_owned(), stream);
        failure
    })
}

/// The command in these bytes. Its free texts are brought to one form here, before anything is checked, judged or hashed (X9).
fn decode(message: &str, bytes: &[u8]) -> Result<Command, Failure> {
    let mut command = Command::decode(message, bytes)
        .ok_or_else(|| {
            Failure::new(
                Code::InvalidArgument,
                "UNKNOWN_COMMAND",
                format!("{message} is not a command."),
            )
        })?
        .map_err(|error| Failure::malformed(message, &error.to_string()))?;
    command.bring_to_nfc();
    Ok(command)
}

/// What tells a retry from a reuse of the request id: who sent what. The commands are encoded again, so that the same content has
/// the same hash whichever door and whichever client it came through.
fn content_hash(caller: &Caller, commands: &[Command]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    };
    add(caller.subject.as_bytes());
    for command in commands {
        add(command.message().as_bytes());
        add(&command.encode());
    }
    hasher.finalize().into()
}
