//! Compiles the schema: Rust types and clients, the descriptor set, and what is derived from the schema's own options:
//! field checks, the normal form of texts, the canonical form of events, the table of RPCs, and the dispatch of commands, events and queries.

#[path = "codegen/canonical.rs"]
mod canonical;
#[path = "codegen/dispatch.rs"]
mod dispatch;
#[path = "codegen/entitlement.rs"]
mod entitlement;
#[path = "codegen/methods.rs"]
mod methods;
#[path = "codegen/schema.rs"]
mod schema;
#[path = "codegen/texts.rs"]
mod texts;
#[path = "codegen/validation.rs"]
mod validation;

use std::error::Error;
use std::path::PathBuf;

use prost_reflect::DescriptorPool;

/// A failure of the build is the schema's author's to read: any error, shown as a sentence.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("cargo:rerun-if-changed=proto");
    // The migrations are embedded in the binary.
    println!("cargo:rerun-if-changed=migrations");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let mut files: Vec<PathBuf> = std::fs::read_dir("proto/vedtak/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?;
    // The raw bytes are kept: decoding into prost's own descriptor types would drop our options.
    let descriptor_bytes = compiler.encode_file_descriptor_set();
    std::fs::write(out.join("descriptor.bin"), &descriptor_bytes)?;

    let mut config = prost_build::Config::new();
    config.bytes(["."]).enable_type_names();
    // Servers are not generated: both doors hand the bytes of a request to one handler (see src/api).
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;

    let schema = schema::Schema::read(DescriptorPool::decode(descriptor_bytes.as_slice())?)?;
    std::fs::write(out.join("validation.rs"), validation::generate(&schema)?)?;
    std::fs::write(out.join("texts.rs"), texts::generate(&schema)?)?;
    std::fs::write(out.join("canonical.rs"), canonical::generate(&schema)?)?;
    std::fs::write(out.join("methods.rs"), methods::generate(&schema))?;
    std::fs::write(
        out.join("commands_and_events.rs"),
        dispatch::commands_and_events(&schema),
    )?;
    std::fs::write(out.join("entitlement.rs"), entitlement::generate(&schema)?)?;
    std::fs::write(out.join("queries.rs"), dispatch::queries(&schema))?;
    Ok(())
}
