"""Conan 2 recipe of attnscope: conan create docs/packaging/conan --build=missing, from a checkout."""
import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy

CHECKOUT = Path("../../..")  # from this file


class Attnscope(ConanFile):
    name = "attnscope"
    description = "What the attention of a transformer does: numbers and figures"
    license = "MIT"
    topics = ("attention", "transformer", "interpretability", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"io": [True, False]}
    default_options = {"io": True}
    no_copy_source = True

    def set_version(self):
        header = Path(self.recipe_folder) / CHECKOUT / "include/attnscope/version.hpp"
        self.version = re.search(r'version = "([0-9.]+)"', header.read_text()).group(1)

    def export_sources(self):
        checkout = Path(self.recipe_folder) / CHECKOUT
        copy(self, "LICENSE", checkout, self.export_sources_folder)
        copy(self, "include/*", checkout, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4]", transitive_headers=True)
        self.requires("fmt/[>=9]", transitive_headers=True, transitive_libs=True)
        if self.options.io:
            self.requires("nlohmann_json/[>=3.10]", transitive_headers=True)
            self.requires("zlib/[>=1.2]", transitive_headers=True, transitive_libs=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        io = self.info.options.io  # its requirements, all else is the same text for everyone
        self.info.clear()
        self.info.options.io = io

    def package(self):
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder) / "licenses")
        copy(self, "*", Path(self.source_folder) / "include", Path(self.package_folder) / "include")

    def package_info(self):
        # attnscope::attnscope is a component, as in attnscope's own CMake package; the whole is attnscope::all.
        self.cpp_info.set_property("cmake_file_name", "attnscope")
        self.cpp_info.set_property("cmake_target_name", "attnscope::all")
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "attnscope::attnscope")
        core.set_property("pkg_config_name", "attnscope")
        core.requires = ["eigen::eigen", "fmt::fmt"]
        self._header_only(core)
        if self.settings.os == "Linux":
            core.system_libs = ["pthread"]
        if self.options.io:
            io = self.cpp_info.components["io"]
            io.set_property("cmake_target_name", "attnscope::io")
            io.set_property("pkg_config_name", "attnscope-io")
            io.requires = ["core", "nlohmann_json::nlohmann_json", "zlib::zlib"]
            self._header_only(io)

    @staticmethod
    def _header_only(component):
        component.bindirs = component.libdirs = []
