//! Python packages of the loader, in MLflow's files for pip, virtualenv and conda.

/// The packages, pinned.
pub(super) const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The Python that the tests run with.
pub(super) const PYTHON: &str = "3.11";

/// `python_env.yaml`.
pub(super) fn virtualenv() -> String {
    format!("python: \"{PYTHON}\"\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n")
}

/// `conda.yaml`.
pub(super) fn conda() -> String {
    let packages: String = REQUIREMENTS.lines().map(|package| format!("  - {package}\n")).collect();
    format!(
        "channels:\n- conda-forge\ndependencies:\n- python={PYTHON}\n- pip\n- pip:\n{packages}name: \
         nextbest\n"
    )
}

/// The version of a package that is pinned.
pub(super) fn version_of(package: &str) -> Option<&'static str> {
    REQUIREMENTS.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
}
