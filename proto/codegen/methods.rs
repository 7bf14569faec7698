//! Generates the table of RPCs that both doors route by.

use std::fmt::Write;

use crate::schema::Schema;

pub fn generate(schema: &Schema) -> String {
    let mut code =
        String::from("/// Every RPC of the schema, in the order of the files.\npub static METHODS: &[Method] = &[\n");
    for rpc in &schema.rpcs {
        let method = &rpc.method;
        let kind = match (&rpc.command, method.is_server_streaming()) {
            (Some(_), _) => "Command",
            (None, false) => "Query",
            (None, true) => "Stream",
        };
        let grpc_path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        writeln!(
            code,
            "    Method {{ grpc_path: {grpc_path:?}, name: {:?}, service: {:?}, input: {:?}, output: {:?}, access: Access::{}, kind: MethodKind::{kind}, verb: {:?}, path: {:?}, has_body: {} }},",
            method.name(), method.parent_service().full_name(), method.input().full_name(), method.output().full_name(),
            rpc.access, rpc.verb, rpc.path, rpc.body == "*",
        )
        .expect("writing to a String does not fail");
    }
    code.push_str("];\n");
    code
}
