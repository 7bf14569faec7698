//! The queries: each request message knows how it is answered; the routing to them is generated from the schema.

mod agreements;
mod authorities;
mod body_decisions;
mod decisions;
mod documents;
mod findings;
mod following;
mod lists;
mod organizations;
mod outcomes;
mod overviews;
mod programmes;
mod proposals;
mod reading;
mod records;
mod reports;
mod risks;
mod stakeholders;
mod states;

use std::future::Future;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use prost::{Message, Name};

use super::failure::Failure;
use super::identity::Caller;
use super::service::{ReplyStream, Service};
use crate::schema::Validate;
use crate::schema::v1::*;

/// From so many bytes on, to write an answer takes as long as a few commands.
const LONG_REPLY: usize = 1 << 20;

/// A question with one answer.
trait Answer: Message + Default + Name + Validate {
    /// The answer.
    type Reply: Message + 'static;

    /// Answers it.
    fn answer(self, service: &Service, caller: &Caller) -> impl Future<Output = Result<Self::Reply, Failure>> + Send;
}

/// A question answered with a stream.
trait Begin: Message + Default + Name + Validate {
    /// One message of the answer.
    type Item: Message;

    /// Begins the answer.
    fn begin(
        self,
        service: &Service,
        caller: &Caller,
    ) -> impl Future<Output = Result<impl Stream<Item = Result<Self::Item, Failure>> + Send + 'static, Failure>> + Send;
}

async fn unary<Q: Answer>(service: &Service, caller: &Caller, request: &[u8]) -> Result<Bytes, Failure> {
    let reply = read::<Q>(request)?.answer(service, caller).await?;
    let bytes = reply.encoded_len();
    service.make_room(bytes)?;
    let is_long = bytes > LONG_REPLY;
    let write = move || reply.encode_to_vec();
    Ok(service
        .ledger()
        .long()
        .when(is_long, &caller.tenant, write)
        .await?
        .into())
}

async fn stream<Q: Begin>(service: &Service, caller: &Caller, request: &[u8]) -> Result<ReplyStream, Failure> {
    let items = read::<Q>(request)?.begin(service, caller).await?;
    Ok(Box::pin(items.map(|item| item.map(|item| item.encode_to_vec().into()))))
}

fn read<Q: Message + Default + Name + Validate>(request: &[u8]) -> Result<Q, Failure> {
    let query = Q::decode(request).map_err(|error| Failure::malformed(&Q::full_name(), &error.to_string()))?;
    let violations = query.check();
    if violations.is_empty() {
        Ok(query)
    } else {
        Err(Failure::fields(violations))
    }
}

include!(concat!(env!("OUT_DIR"), "/queries.rs"));
