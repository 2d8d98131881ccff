//! The front door: any two inputs make a patch, any patch and an old input make an output.
//!
//! Command line, Python, C and JavaScript are thin over these calls, so that all of them take the
//! same inputs in the same way: [`make`], [`apply`], [`verify`], [`info`], [`convert`].
//!
//! ```
//! use flashdelta::door::{self, ApplyRequest, MakeRequest};
//! use flashdelta::Input;
//!
//! let old = Input::open("../../testdata/firmware/cortex-m-1.0.s19".as_ref())?;
//! let new = Input::open("../../testdata/firmware/cortex-m-1.1.hex".as_ref())?;
//! let made = door::make(&old, &new, &MakeRequest::new())?;
//! assert!(made.warnings.is_empty());
//! let applied = door::apply(&old, &made.bytes, ApplyRequest::new())?;
//! assert_eq!(applied.bytes, new.bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod contradictions;
mod convert;
mod damage;
mod error;
mod info;
mod make;
mod read;
mod request;
mod stream;
mod verify;
mod warning;

pub use apply::{apply, Applied};
pub use convert::{convert, ConvertRequest, ConvertWarning, Converted};
pub use damage::findings;
pub use error::{ConvertError, DoorError, InfoError, PatchError};
pub use info::{info, FileFacts, Info, InfoRequest};
pub use make::{make, Made, MadeKind};
pub use request::{ApplyRequest, MakeRequest};
pub use stream::{apply_file, write};
pub use verify::{explain, verify};
pub use warning::{FileWarning, Side, Warning};
