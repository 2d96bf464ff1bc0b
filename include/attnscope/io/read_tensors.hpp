#pragma once
#include <attnscope/io/npz.hpp>
#include <attnscope/io/safetensors.hpp>

namespace attnscope {

namespace detail {

/// The bytes of a file by what they begin with; whatever is not known is read as safetensors, which begin
/// with a number. stem: the name of the one array of a .npy file.
inline TensorFile parse_tensors(std::span<const std::byte> bytes, const std::string& stem,
                                const std::shared_ptr<const void>& owner) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(npy::magic)) return {{{stem, parse_npy(bytes, owner)}}, {}};
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return parse_npz(bytes, owner);
  // So begins a safetensors file with a header of 640 or 1152 bytes, too, but there a brace follows.
  const bool begins_as_pickle = text.starts_with("\x80\x02") || text.starts_with("\x80\x04");
  require<FileError>(!begins_as_pickle || (text.size() > 8 && text[8] == '{'),
                     "it is a Python pickle, which runs code when it is read; save safetensors, npy or npz");
  require<FileError>(!text.starts_with("\x89HDF"), "it is HDF5; save safetensors, npy or npz");
  return parse_safetensors(bytes, owner);
}

/// The files that a folder holds of these formats, by name.
inline std::vector<std::filesystem::path> tensor_files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::filesystem::path extension = entry.path().extension();
    if (extension == ".safetensors" || extension == ".npz" || extension == ".npy")
      files.push_back(entry.path());
  }
  require<FileError>(!files.empty(), "the folder {} holds no .safetensors, .npz or .npy file",
                     folder.string());
  std::ranges::sort(files);
  return files;
}

}  // namespace detail

/// The tensors and metadata of a safetensors, npz or npy file, whichever its first bytes say it is; the array
/// of a .npy file is named by the file, without its extension. The file is mapped, nothing large is read.
/// @throws FileError naming the file
inline TensorFile read_tensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return in_context(path.string(),
                    [&] { return detail::parse_tensors(file->bytes(), path.stem().string(), file); });
}

/// What several files hold together: parts of a dump, a file a layer. A folder stands for the files of these
/// formats in it. @throws FileError naming both files: a tensor that stands in two, metadata that they say
/// differently
inline TensorFile read_tensor_files(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& path : paths)
    if (std::filesystem::is_directory(path))
      std::ranges::copy(detail::tensor_files_in(path), std::back_inserter(files));
    else
      files.push_back(path);
  TensorFile all;
  std::map<std::string, std::string, std::less<>> from;  // which file each name came from
  for (const std::filesystem::path& path : files) {
    TensorFile one = read_tensors(path);
    for (auto& [name, tensor] : one.tensors) {
      const auto [first, is_new] = from.try_emplace("tensor " + name, path.string());
      require<FileError>(is_new, "{}: the tensor \"{}\" stands in {}, too", path.string(), name,
                         first->second);
      all.tensors.emplace(name, std::move(tensor));
    }
    for (auto& [key, text] : one.metadata) {
      const auto [first, is_new] = from.try_emplace("metadata " + key, path.string());
      const auto known = all.metadata.try_emplace(key, text).first;
      require<FileError>(known->second == text, "{}: the metadata {} is another one in {}", path.string(),
                         key, first->second);
    }
  }
  return all;
}

}  // namespace attnscope
